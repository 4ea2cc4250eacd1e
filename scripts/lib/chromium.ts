/** Debian's Chromium without a window, for pages that have to be looked at. */
import { type Browser, chromium, type Page } from 'playwright-core';

/** Nothing of it may call home, and no sandbox is to be had as root. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
}

/** Opens a page of `width` by `height` CSS pixels; `scale` device pixels each. */
export async function openPage(
  url: string,
  { width = 1100, height = 760, scale = 1 } = {},
): Promise<OpenPage> {
  const browser: Browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });
  try {
    const page = await browser.newPage({ viewport: { width, height }, deviceScaleFactor: scale });
    await page.goto(url);
    return { page, [Symbol.asyncDispose]: () => browser.close() };
  } catch (error) {
    await browser.close();
    throw error;
  }
}
