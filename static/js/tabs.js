// A row of tabs that is wider than the window begins at the tab that is open.
for (const row of document.querySelectorAll(".tabs")) {
  const open = row.querySelector("[aria-current]");
  if (open && row.scrollWidth > row.clientWidth) {
    row.scrollLeft = open.offsetLeft - row.offsetLeft - (row.clientWidth - open.offsetWidth) / 2;
  }
}
