// Finds the number that solves an ALTCHA challenge (PBKDF2, see altcha.org), and posts the form with it.
"use strict";

const form = document.getElementById("challenge");
const said = document.getElementById("said");

const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (one) => one.toString(16).padStart(2, "0")).join("");

async function solve({ nonce, salt, cost, keyLength, keyPrefix }) {
  const start = bytes(nonce);
  const password = new Uint8Array(start.length + 4);
  password.set(start);
  const counted = new DataView(password.buffer, start.length);
  for (let counter = 0; ; counter += 1) {
    counted.setUint32(0, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const kdf = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost };
    const derivedKey = hex(await crypto.subtle.deriveBits(kdf, key, 8 * keyLength));
    if (derivedKey.startsWith(keyPrefix)) return { counter, derivedKey };
  }
}

const challenge = JSON.parse(form.dataset.challenge);
solve(challenge.parameters).then(
  (solution) => {
    form.elements.altcha.value = btoa(JSON.stringify({ challenge, solution }));
    said.textContent = said.dataset.done;
    form.submit();
  },
  () => { said.textContent = said.dataset.failed; },
);
