// Loads the page again when a file has changed, and keeps the place at which the mail was being read.
"use strict";
(() => {
  const seen = document.currentScript.dataset.stamp;
  const ended = document.querySelector(".ended");
  const frame = document.querySelector("iframe.body");
  const place = "read " + location.href;

  if (frame) {
    const restore = () => {
      frame.contentWindow.scrollTo(0, Number(sessionStorage.getItem(place)));
      sessionStorage.removeItem(place);
    };
    frame.addEventListener("load", restore);
    if (frame.contentDocument && frame.contentDocument.readyState === "complete") restore();
  }

  const look = async () => {
    try {
      const answer = await fetch("/stamp", { cache: "no-store" });
      ended.hidden = true;
      if (answer.ok && (await answer.text()) !== seen) {
        if (frame) sessionStorage.setItem(place, frame.contentWindow.scrollY);
        location.reload();
        return;
      }
    } catch {
      ended.hidden = false;
    }
    setTimeout(look, 500);
  };
  look();
})();
