// Says how old the board's figures are: htmx fetches them, this counts the seconds since.

const LATE_SECONDS = 10;
const freshness = document.getElementById("freshness");
let received = performance.now();

function showAge() {
  const seconds = Math.round((performance.now() - received) / 1000);
  const late = seconds > LATE_SECONDS;
  freshness.classList.toggle("ok", !late);
  freshness.classList.toggle("warn", late);
  freshness.querySelector(".is-fresh").hidden = late;
  freshness.querySelector(".is-late").hidden = !late;
  const words = late ? freshness.dataset.late : freshness.dataset.fresh;
  freshness.querySelector(".age").textContent = words.replace("{}", String(seconds));
}

document.addEventListener("htmx:afterOnLoad", () => {
  received = performance.now();
  showAge();
});
setInterval(showAge, 1000);
