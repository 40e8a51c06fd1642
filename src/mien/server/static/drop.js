// A place where files are dropped or chosen.

// take(files) is called with an array of them.
export function takeFiles(place, input, take) {
  const over = (event, is) => {
    event.preventDefault();
    place.classList.toggle("is-over", is);
  };
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
  // The whole page takes them: a file dropped beside the place must not replace the page.
  addEventListener("dragover", (event) => over(event, true));
  addEventListener("dragleave", (event) => event.relatedTarget === null && over(event, false));
  addEventListener("drop", (event) => {
    over(event, false);
    take([...(event.dataTransfer?.files ?? [])]);
  });
}
