import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { freePorts, untilListening } from '../support/brokers/ports.js';
import { ServerProcess } from '../support/brokers/server-process.js';

const ANSWER_MS = 60_000;
const POLL_MS = 200;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A page in headless Chromium, over its DevTools protocol. */
export class Browser {
  #lastId = 0;

  private constructor(
    private readonly chromium: ServerProcess,
    private readonly socket: WebSocket,
  ) {}

  static async open(parent: string): Promise<Browser> {
    const [port = 0] = await freePorts(1);
    const chromium = new ServerProcess(
      [
        'chromium',
        ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--lang=en-GB'],
        `--user-data-dir=${join(parent, 'chromium')}`,
        `--remote-debugging-port=${port}`,
        'about:blank',
      ],
      join(parent, 'chromium.log'),
      'chromium',
    );
    await chromium.start();
    await untilListening(port, () => chromium.isAlive);
    const list = await fetch(`http://127.0.0.1:${port}/json/list`);
    const pages = (await list.json()) as { type: string; webSocketDebuggerUrl: string }[];
    const page = pages.find(({ type }) => type === 'page');
    if (!page) throw new Error(`Chromium has no page:\n${chromium.log}`);
    const socket = new WebSocket(page.webSocketDebuggerUrl);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new Browser(chromium, socket);
  }

  async close(): Promise<void> {
    this.socket.terminate();
    await this.chromium.stop();
  }

  /** Sets the size of the page in pixels. */
  async resize({ width, height }: Size): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
  }

  async visit(url: string): Promise<void> {
    await this.#send('Page.navigate', { url });
    await this.until('document.readyState === "complete"');
  }

  /** Returns the value of a JavaScript expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.#send<{ result: { value: T } }>('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    return answer.result.value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string): Promise<void> {
    const endMs = performance.now() + ANSWER_MS;
    while (!(await this.evaluate<boolean>(`Boolean(${expression})`))) {
      if (performance.now() > endMs) throw new Error(`the page does not reach: ${expression}`);
      await wait(POLL_MS);
    }
  }

  /** Waits until a text is on the page, also in a web component. */
  async untilText(text: string): Promise<void> {
    await this.until(`(${textOf})(document).includes(${JSON.stringify(text)})`);
  }

  /** Writes a picture of the page as a PNG file. */
  async takePicture(path: string): Promise<void> {
    const { data } = await this.#send<{ data: string }>('Page.captureScreenshot', { format: 'png' });
    writeFileSync(path, data, 'base64');
  }

  #send<T>(method: string, params: object = {}): Promise<T> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_MS);
      const receive = (text: unknown) => {
        const message = JSON.parse(String(text));
        if (message.id !== id) return;
        clearTimeout(timer);
        this.socket.off('message', receive);
        if (message.error) reject(new Error(`${method}: ${JSON.stringify(message.error)}`));
        else resolve(message.result);
      };
      this.socket.on('message', receive);
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }
}

/** Runs in the page: collects the text of a node, with that of the web components in it. */
const textOf = `function read(node) {
  const inner = [...node.childNodes].map((child) => child.nodeType === 3 ? child.data : read(child)).join(' ');
  return node.shadowRoot ? read(node.shadowRoot) + ' ' + inner : inner;
}`;
