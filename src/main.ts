/** The page's entry: styles, then the app. Whatever a screen needs comes when that screen is opened. */
import './protocol/own_scripts';
import './ui/shell/no_way_out';
import { mount } from 'svelte';
import App from './App.svelte';
import './ui/tokens.css';
import './ui/studio.css';

const target = document.getElementById('app');
if (!target) throw new Error("index.html has no element with the id 'app': the page cannot start.");
mount(App, { target });
