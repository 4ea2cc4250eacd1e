/**
 * What the picture does in a browser: a box under the mouse is named below, a click on one makes it as wide as the
 * picture, typing after `/` marks what matches and says how much of the whole it is.
 */
export const FLAME_SCRIPT = `
(() => {
  const svg = document.currentScript.closest('svg'), letter = 7.25, left = 16, inner = 1168;
  const id = (name) => document.getElementById(name);
  const detail = id('detail'), typed = id('typed'), field = id('field'), matched = id('matched'), back = id('back');
  const boxes = [...id('boxes').children].map((g) => {
    const rect = g.children[1];
    const x = +rect.getAttribute('x'), y = +rect.getAttribute('y');
    return { g, rect, text: g.children[2], name: g.dataset.n, value: +g.dataset.v, x, y, width: 0 };
  });
  const total = +svg.dataset.total || 1, whole = detail.textContent;
  for (const b of boxes) b.width = b.value / total * inner;
  const draw = (b, x, width) => {
    b.rect.setAttribute('x', x); b.rect.setAttribute('width', Math.max(width - 0.5, 0.1));
    b.text.setAttribute('x', Math.max(x, left) + 4);
    const room = Math.floor((Math.min(width, inner) - 8) / letter);
    b.text.textContent = room >= b.name.length ? b.name : room < 3 ? '' : b.name.slice(0, room - 1) + '\\u2026';
  };
  const zoom = (to) => {
    const scale = inner / to.width;
    for (const b of boxes) {
      const around = b.y >= to.y && b.x <= to.x + 0.001 && b.x + b.width >= to.x + to.width - 0.001;
      const within = b.y <= to.y && b.x >= to.x - 0.001 && b.x + b.width <= to.x + to.width + 0.001;
      b.g.classList.toggle('gone', !around && !within);
      b.g.classList.toggle('below', around && b !== to);
      if (around) draw(b, left, inner);
      else if (within) draw(b, left + (b.x - to.x) * scale, b.width * scale);
    }
    back.style.visibility = to === boxes[0] ? 'hidden' : 'visible';
  };
  let word, typing = false;
  const search = () => {
    let pattern;
    try { pattern = word ? new RegExp(word, 'i') : undefined; } catch { pattern = { test: (n) => n.includes(word) }; }
    const hits = [];
    for (const b of boxes) {
      const hit = pattern !== undefined && pattern.test(b.name);
      b.g.classList.toggle('hit', hit);
      if (hit) hits.push(b);
    }
    // A function that calls itself counts once: only boxes that lie on no other hit.
    let sum = 0, end = -1;
    hits.sort((a, b) => a.x - b.x || b.width - a.width);
    for (const b of hits) if (b.x >= end - 0.001) { sum += b.value; end = b.x + b.width; }
    matched.textContent = pattern ? 'matches ' + (100 * sum / total).toFixed(2) + ' %' : '';
    typed.textContent = typing ? (word ?? '') + '\\u258f' : word || 'search: press /';
    field.classList.toggle('on', typing);
  };
  const type = (on) => { typing = on; search(); };
  for (const b of boxes) {
    b.g.addEventListener('click', () => zoom(b));
    b.g.addEventListener('mouseenter', () => { detail.textContent = b.g.children[0].textContent; });
    b.g.addEventListener('mouseleave', () => { detail.textContent = whole; });
  }
  back.addEventListener('click', () => zoom(boxes[0]));
  field.addEventListener('click', () => type(true));
  addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (!typing) {
      if (e.key === '/') { type(true); e.preventDefault(); }
      else if (e.key === 'Escape') { word = undefined; search(); zoom(boxes[0]); }
      return;
    }
    if (e.key === 'Escape') { word = undefined; type(false); }
    else if (e.key === 'Enter') type(false);
    else if (e.key === 'Backspace') { word = (word ?? '').slice(0, -1); search(); }
    else if (e.key.length === 1) { word = (word ?? '') + e.key; search(); }
    else return;
    e.preventDefault();
  });
})();
`;
