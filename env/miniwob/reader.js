// What a page shows within width x height pixels: text runs with a box a character, and widgets.
// A function for `page.evaluate`; it leaves the page as it was (the mirrors of text areas go
// before it returns). Boxes are [left, top, right, bottom] in whole pixels.
([width, height]) => {
  const round = Math.round;
  const memo = ask => {
    const known = new Map();
    return el => {
      if (!known.has(el)) known.set(el, ask(el));
      return known.get(el);
    };
  };
  const style = memo(el => getComputedStyle(el));

  // --- what of an element is in sight -------------------------------------------------

  const intersect = (a, b) => [
    Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
  const isEmpty = b => b[2] - b[0] < 0.5 || b[3] - b[1] < 0.5;
  const boxOf = r => [r.left, r.top, r.right, r.bottom];
  const isClipping = el => {
    const s = style(el);
    return s.overflowX !== 'visible' || s.overflowY !== 'visible' || el.tagName === 'svg';
  };
  const innerBox = el => {
    const r = el.getBoundingClientRect();
    if (!el.clientWidth && !el.clientHeight) return boxOf(r);
    const left = r.left + el.clientLeft, top = r.top + el.clientTop;
    return [left, top, left + el.clientWidth, top + el.clientHeight];
  };
  // An absolutely placed element escapes the clipping of ancestors that are not placed.
  const clipOf = memo(el => {
    let clip = [0, 0, width, height], escaping = style(el).position === 'absolute';
    if (style(el).position === 'fixed') return clip;
    for (let p = el.parentElement; p && p !== document.body; p = p.parentElement) {
      const position = style(p).position;
      if (escaping && position === 'static') continue;
      if (isClipping(p)) clip = intersect(clip, innerBox(p));
      if (position === 'fixed') break;
      escaping = position === 'absolute';
    }
    return clip;
  });
  const opacity = memo(el => (el.parentElement ? opacity(el.parentElement) : 1) * style(el).opacity);
  const isDrawn = el => style(el).visibility === 'visible' && opacity(el) > 0.1;
  const isOpaque = el => {
    const s = style(el);
    if (['IMG', 'CANVAS', 'INPUT', 'TEXTAREA', 'SELECT', 'BUTTON'].includes(el.tagName)) return true;
    if (el.ownerSVGElement) return s.fill !== 'none' && parseFloat(s.fillOpacity) > 0.5;
    const color = s.backgroundColor.match(/[\d.]+/g) || [];
    return color.length === 3 || (color.length === 4 && parseFloat(color[3]) > 0.5);
  };
  const isKin = (el, other) => el === other || el.contains(other) || other.contains(el);
  const isCovered = (el, x, y) => {
    const hit = document.elementFromPoint(x, y);
    if (!hit || isKin(el, hit)) return false;
    for (const other of document.elementsFromPoint(x, y)) {
      if (isKin(el, other)) return false;
      if (isOpaque(other)) return true;
    }
    return false;
  };
  const ignored = memo(el => el.closest('#reward-display, #click-canvas, script, style, noscript'));

  // --- text ---------------------------------------------------------------------------

  const texts = [];
  // A character counts when at least 60 % of its cell is in sight and nothing lies over it.
  const keep = (owner, clip, r) => {
    const area = (r[2] - r[0]) * (r[3] - r[1]);
    if (area <= 0) return null;
    const seen = intersect(r, clip);
    if (isEmpty(seen) || (seen[2] - seen[0]) * (seen[3] - seen[1]) < 0.6 * area) return null;
    if (isCovered(owner, (seen[0] + seen[2]) / 2, (seen[1] + seen[3]) / 2)) return null;
    const left = round(seen[0]), top = round(seen[1]);
    return [left, top, Math.max(round(seen[2]), left + 1), Math.max(round(seen[3]), top + 1)];
  };
  // Cells of one line follow each other; a character that is missing in between ends the run.
  const emit = (cells, kind) => {
    let run = [];
    const flush = () => {
      while (run.length && !run[0][0].trim()) run.shift();
      while (run.length && !run[run.length - 1][0].trim()) run.pop();
      if (run.length) {
        const boxes = run.map(cell => cell[1]);
        texts.push({
          string: run.map(cell => cell[0]).join(''), kind,
          box: [Math.min(...boxes.map(b => b[0])), Math.min(...boxes.map(b => b[1])),
            Math.max(...boxes.map(b => b[2])), Math.max(...boxes.map(b => b[3]))],
          chars: run,
        });
      }
      run = [];
    };
    let line = null;
    for (const cell of cells) {
      if (!cell) { flush(); line = null; continue; }
      const [, box, top, left] = cell;
      if (line !== null && (Math.abs(top - line.top) > 3 || left < line.left - 1)) flush();
      line = { top, left };
      run.push([cell[0], box]);
    }
    flush();
  };
  const cased = (text, el) => {
    const transform = style(el).textTransform;
    if (transform === 'uppercase') return text.toUpperCase();
    if (transform === 'lowercase') return text.toLowerCase();
    return text;
  };
  const cellsOf = (node, owner, clip) => {
    const range = document.createRange(), cells = [], data = node.data;
    for (let i = 0; i < data.length;) {
      const char = String.fromCodePoint(data.codePointAt(i));
      range.setStart(node, i);
      range.setEnd(node, i + char.length);
      i += char.length;
      const rects = range.getClientRects();
      // A collapsed blank has no width: not drawn, and not a gap either.
      const r = rects.length ? boxOf(rects[rects.length - 1]) : null;
      if (!r || r[2] - r[0] < 0.01) continue;
      const box = keep(owner, clip, r);
      cells.push(box ? [/\s/.test(char) ? ' ' : cased(char, owner), box, r[1], r[0]] : null);
    }
    return cells;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const owner = node.parentElement;
    if (!node.data.trim() || ignored(owner) || !isDrawn(owner)) continue;
    if (['TEXTAREA', 'OPTION'].includes(owner.tagName)) continue;
    const clip = clipOf(owner);
    emit(cellsOf(node, owner, isClipping(owner) ? intersect(clip, innerBox(owner)) : clip), 'text');
  }

  // What is typed into a field is not in the document: measured with the field's own font.
  const pen = document.createElement('canvas').getContext('2d');
  const contentBox = el => {
    const r = el.getBoundingClientRect(), s = style(el), px = name => parseFloat(s[name]) || 0;
    return [r.left + px('borderLeftWidth') + px('paddingLeft'), r.top + px('borderTopWidth') + px('paddingTop'),
      r.right - px('borderRightWidth') - px('paddingRight'), r.bottom - px('borderBottomWidth') - px('paddingBottom')];
  };
  const lineCells = (el, text, box, align, clip) => {
    const s = style(el);
    pen.font = `${s.fontStyle} ${s.fontWeight} ${s.fontSize} ${s.fontFamily}`;
    const size = pen.measureText('x'), total = pen.measureText(text).width;
    const high = size.fontBoundingBoxAscent + size.fontBoundingBoxDescent;
    const top = (box[1] + box[3] - high) / 2;
    let left = box[0] - el.scrollLeft;
    if (align === 'center') left = (box[0] + box[2] - total) / 2;
    if (align === 'right' || align === 'end') left = box[2] - total;
    const cells = [];
    let before = '', x = left;
    for (const char of text) {
      before += char;
      const end = left + pen.measureText(before).width;
      const seen = keep(el, clip, [x, top, end, top + high]);
      cells.push(seen ? [char, seen, top, x] : null);
      x = end;
    }
    return cells;
  };
  const BUTTONS = ['button', 'submit', 'reset'], MARKS = ['checkbox', 'radio', 'range', 'color', 'file', 'hidden', 'image'];
  const readField = el => {
    const clip = clipOf(el), content = contentBox(el), type = el.type;
    if (MARKS.includes(type)) return;
    if (el.tagName === 'SELECT') {
      if (el.size > 1 || el.multiple) return;
      const shown = el.selectedOptions.length ? el.selectedOptions[0].text : '';
      // Chromium sets the text of a closed list 4 px in from its padding and keeps 16 px at
      // its right for the arrow.
      const box = [content[0] + 4, content[1], content[2], content[3]];
      const room = [box[0], box[1], content[2] - 16, box[3]];
      emit(lineCells(el, shown, box, 'left', intersect(clip, room)), 'select');
      return;
    }
    const inner = intersect(clip, innerBox(el));
    if (BUTTONS.includes(type)) {
      emit(lineCells(el, el.value, content, 'center', inner), 'value');
      return;
    }
    if (el.tagName === 'TEXTAREA') { readTextArea(el, inner); return; }
    // The parts of a date field lie where page scripts cannot look; see reader.py.
    if (['date', 'time'].includes(type)) return;
    const text = el.value || el.placeholder;
    if (!text) return;
    const shown = type === 'password' && el.value ? '•'.repeat(text.length) : text;
    emit(lineCells(el, shown, content, style(el).textAlign, inner), el.value ? 'value' : 'placeholder');
  };
  const MIRRORED = ['fontStyle', 'fontWeight', 'fontSize', 'fontFamily', 'lineHeight', 'letterSpacing',
    'textAlign', 'tabSize', 'paddingLeft', 'paddingRight', 'paddingTop', 'paddingBottom', 'textTransform'];
  const readTextArea = (el, inner) => {
    const text = el.value || el.placeholder;
    if (!text) return;
    const mirror = document.createElement('div'), s = style(el), r = el.getBoundingClientRect();
    for (const name of MIRRORED) mirror.style[name] = s[name];
    Object.assign(mirror.style, {
      position: 'fixed', visibility: 'hidden', boxSizing: 'border-box', border: '0', margin: '0',
      whiteSpace: 'pre-wrap', overflowWrap: 'break-word', width: `${el.clientWidth}px`,
      left: `${r.left + el.clientLeft - el.scrollLeft}px`, top: `${r.top + el.clientTop - el.scrollTop}px`,
    });
    mirror.textContent = text;
    document.documentElement.appendChild(mirror);
    emit(cellsOf(mirror.firstChild, el, inner), el.value ? 'value' : 'placeholder');
    mirror.remove();
  };
  for (const el of document.querySelectorAll('input, textarea, select')) {
    if (!ignored(el) && isDrawn(el) && el.getClientRects().length) readField(el);
  }
  for (const option of document.querySelectorAll('select[size] option, select[multiple] option')) {
    const list = option.closest('select'), r = option.getBoundingClientRect();
    if (ignored(list) || !isDrawn(list) || r.height < 1) continue;
    const box = [r.left + 2, r.top, r.right, r.bottom];
    emit(lineCells(option, option.text, box, 'left', intersect(clipOf(list), innerBox(list))), 'option');
  }

  // --- widgets ------------------------------------------------------------------------

  const clean = text => (text || '').replace(/\s+/g, ' ').trim();
  const INPUTS = { checkbox: 'checkbox', radio: 'radio', button: 'button', submit: 'button', reset: 'button',
    password: 'password', date: 'date', time: 'time', range: 'slider' };
  const kindOf = el => {
    const tag = el.tagName.toLowerCase(), role = el.getAttribute('role'), names = el.classList;
    if (tag === 'input') return el.type === 'hidden' ? null : INPUTS[el.type] || 'textbox';
    if (tag === 'textarea' || tag === 'select' || tag === 'button') return tag;
    if (tag === 'option') return el.closest('select').size > 1 || el.closest('select').multiple ? 'option' : null;
    if (names.contains('ui-slider-handle')) return 'slider';
    if (role === 'tab') return names.contains('ui-accordion-header') ? 'header' : 'tab';
    if (names.contains('ui-tabs-anchor')) return null;
    if (role === 'button' || names.contains('ui-spinner-button')) return 'button';
    if (role === 'menuitem' || names.contains('ui-menu-item-wrapper')) return 'menu item';
    if (tag === 'a' || names.contains('alink')) return 'link';
    if (el.ownerSVGElement) return ['rect', 'circle', 'ellipse', 'polygon', 'path', 'line'].includes(tag) ? 'shape' : null;
    if (tag === 'img' || style(el).content.startsWith('url(')) return 'icon';
    if (names.contains('ui-resizable-se')) return 'resize handle';
    if (names.contains('ui-draggable') || names.contains('ui-sortable-handle')) return 'item';
    if (names.contains('folder') || names.contains('file')) return 'tree item';
    return null;
  };
  const labelOf = (el, kind) => {
    if (kind === 'icon') {
      const source = el.tagName === 'IMG' ? el.src : style(el).content;
      const name = /([\w-]+)\.\w+["')]*$/.exec(source);
      return el.alt || (name ? name[1] : '');
    }
    if (kind === 'shape') return el.tagName.toLowerCase();
    if (el.classList.contains('ui-dialog-titlebar-close')) return 'x';
    if (el.labels && el.labels.length) return clean(el.labels[0].innerText);
    if (el.tagName === 'INPUT' && BUTTONS.includes(el.type)) return el.value;
    if (['INPUT', 'TEXTAREA', 'SELECT'].includes(el.tagName)) {
      const before = el.previousElementSibling;
      const near = before && !['INPUT', 'TEXTAREA', 'SELECT', 'BUTTON', 'BR'].includes(before.tagName) ? before.innerText : '';
      return clean(near) || el.placeholder || '';
    }
    return clean(el.innerText === undefined ? el.textContent : el.innerText);
  };
  const SPOTS = [[.5, .5], [.5, .3], [.5, .7], [.3, .5], [.7, .5], [.2, .2], [.8, .2], [.2, .8], [.8, .8]];
  const widgets = [];
  for (const el of document.body.querySelectorAll('*')) {
    if (ignored(el) || !isDrawn(el)) continue;
    const kind = kindOf(el);
    if (!kind) continue;
    const clip = clipOf(el);
    let at = null;
    for (const [u, v] of SPOTS) for (const rect of el.getClientRects()) {
      const r = intersect(boxOf(rect), clip);
      if (at || isEmpty(r)) continue;
      const x = Math.floor(r[0] + u * (r[2] - r[0])), y = Math.floor(r[1] + v * (r[3] - r[1]));
      const hit = document.elementFromPoint(x, y);
      if (hit && (hit === el || el.contains(hit))) at = [x, y];
    }
    if (!at) continue;
    const seen = intersect(boxOf(el.getBoundingClientRect()), clip);
    const field = ['INPUT', 'TEXTAREA', 'SELECT'].includes(el.tagName);
    const fill = el.ownerSVGElement ? style(el).fill : '';
    widgets.push({
      kind, label: labelOf(el, kind), at,
      box: seen.map(round),
      checked: kind === 'checkbox' || kind === 'radio' ? el.checked : null,
      focused: document.activeElement === el,
      value: field && kind !== 'checkbox' && kind !== 'radio' && kind !== 'button' ? el.value : null,
      selected: el.selected === true || el.getAttribute('aria-selected') === 'true'
        || el.classList.contains('ui-tabs-active') || el.classList.contains('selected')
        || el.classList.contains('clicked') || el.getAttribute('aria-expanded') === 'true',
      disabled: el.disabled === true,
      color: fill,
    });
  }
  return { texts, widgets };
}
