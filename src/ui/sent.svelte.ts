/**
 * What tried to leave for another place, as the browser itself reports it: entries of its resource timing, and
 * violations of the content security policy. It stays at none; if it ever does not, the rail says so. Downloads that a
 * person asked for are made by a worker, which that report does not cover: they are counted where they are asked for.
 */
class Sent {
  tries = $state(0);
  downloads = $state(0);

  begin(): void {
    const foreign = (url: string) => {
      const { origin, protocol } = new URL(url, location.href);
      return /^(https?|wss?):$/.test(protocol) && origin !== location.origin;
    };
    new PerformanceObserver((list) => {
      this.tries += list.getEntries().filter(({ name }) => foreign(name)).length;
    }).observe({ type: 'resource', buffered: true });
    document.addEventListener('securitypolicyviolation', ({ blockedURI }) => {
      if (/^(https?|wss?):/.test(blockedURI) && foreign(blockedURI)) this.tries += 1;
    });
  }
}

export const sent = new Sent();
