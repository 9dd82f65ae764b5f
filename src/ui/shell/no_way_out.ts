/**
 * Closes what the content security policy does not cover, before anything else runs: WebRTC, windows of other addresses,
 * and the way of this tab itself to another origin (Chromium has a header for that; elsewhere this is all there is). The
 * studio needs none of them. Addresses that a person types, and the button back, are not asked about.
 */
for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'RTCDataChannel', 'open']) {
  Reflect.deleteProperty(globalThis, name);
}

interface Navigating extends Event {
  readonly destination: { readonly url: string };
}

// Held here: a script that came later could put another in its place.
const { preventDefault } = Event.prototype;
const { origin } = location;
// Not in every browser, and not in TypeScript's library.
(globalThis as { navigation?: EventTarget }).navigation?.addEventListener('navigate', (event) => {
  if (new URL((event as Navigating).destination.url).origin !== origin)
    Reflect.apply(preventDefault, event, []);
});

export {};
