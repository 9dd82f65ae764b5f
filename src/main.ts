/** The page's entry: mounts the app. */
import { mount } from 'svelte';
import App from './App.svelte';
import './page.css';

const target = document.getElementById('app');
if (!target) throw new Error("index.html has no element with the id 'app': the page cannot start.");
mount(App, { target });
