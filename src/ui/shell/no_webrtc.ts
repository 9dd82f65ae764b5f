/**
 * Takes WebRTC away before anything else runs: the content security policy does not cover it, and the studio promises
 * that nothing leaves. A connection to a peer would be one way out; nothing here needs it.
 */
for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'RTCDataChannel']) {
  Reflect.deleteProperty(globalThis, name);
}
