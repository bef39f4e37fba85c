// Opens the dashboard of the running platform in Chromium, opens the newest saga, and saves a picture.
// Usage: node picture.mjs URL FILE, with a sign-in link in BELLHOP_LINK. Fails when the page says an error or shows no saga.
import { chromium } from "playwright-core";

const [url, file] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  // The sign-in page asks who it is until the session is known, and each time in vain the browser calls it an error.
  const waits = (message) => page.url().startsWith(`${url}/sign-in/`) && message.location().url === `${url}/v1/me`;
  page.on("console", (message) => message.type() === "error" && !waits(message) && problems.push(message.text()));
  page.on("request", (request) => request.url().startsWith(url) || problems.push(`loads ${request.url()}`));
  await page.goto(process.env.BELLHOP_LINK ?? `${url}/sign-in/`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${url}/dashboard/`);
  const newest = page.locator("tbody tr").first();
  await newest.waitFor();
  await newest.locator("a, button").first().click();
  await page.getByText("capture-payment").first().waitFor();
  await page.waitForLoadState("networkidle").catch(() => {});
  await page.screenshot({ path: file });
  if (problems.length > 0) throw new Error(problems.join("\n"));
} finally {
  await browser.close();
}
