// Sets the chosen theme before the first paint; without a choice the system's preference holds.
(function () {
  try {
    const theme = localStorage.getItem("theme");
    if (theme) document.documentElement.dataset.theme = theme;
  } catch {
    // Storage refused by the browser: the system's preference holds.
  }
})();
