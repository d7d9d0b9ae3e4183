// Marks a table at the edge of its frame where something is hidden: data-left, data-right, data-below.
// The stylesheet shades that edge. Without a script there is the scrollbar.

const PADDING_PX = 12; // of a cell at the edge: where no more than that is hidden, nothing is

const mark = (wrap) => {
  const hidden = wrap.scrollWidth - wrap.clientWidth - wrap.scrollLeft;
  wrap.toggleAttribute("data-left", wrap.scrollLeft > PADDING_PX);
  wrap.toggleAttribute("data-right", hidden > PADDING_PX);
  const below = wrap.scrollHeight - wrap.clientHeight - wrap.scrollTop;
  wrap.toggleAttribute("data-below", below > PADDING_PX);
};

export function startSideways() {
  const sizes = new ResizeObserver((changed) => {
    for (const { target } of changed) mark(target.closest(".sheet-wrap"));
  });
  const watch = (root) => {
    for (const table of root.querySelectorAll(".sheet-wrap > table")) {
      sizes.observe(table);
      sizes.observe(table.parentElement);
    }
  };
  watch(document);
  document.body.addEventListener("htmx:load", (event) => watch(event.detail.elt));
  document.addEventListener("scroll", ({ target }) => target.matches?.(".sheet-wrap") && mark(target), true);
}
