/** Design tokens and the translation of Polaris keywords (sizes, colours, borders) to CSS. */

/** Pixels behind each size keyword, after Polaris' 4 px scale; `small` and `large` are the first steps. */
const SIZES = {
  none: 0, 'small-500': 1, 'small-400': 2, 'small-300': 4, 'small-200': 8, 'small-100': 12, small: 12,
  base: 16, large: 20, 'large-100': 20, 'large-200': 24, 'large-300': 32, 'large-400': 40, 'large-500': 48,
};
const RADII = {
  none: 0, 'small-500': 2, 'small-400': 2, 'small-300': 4, 'small-200': 4, 'small-100': 6, small: 6,
  base: 8, large: 12, 'large-100': 12, 'large-200': 16, 'large-300': 20, 'large-400': 24, 'large-500': 30, max: 9999,
};
const BORDER_WIDTHS = {none: 0, 'small-100': 0.66, small: 0.66, base: 1, large: 2, 'large-100': 2, 'large-200': 3};
const BORDER_COLORS = {subdued: '#ebebeb', base: '#e3e3e3', strong: '#8a8a8a'};
const BACKGROUNDS = {transparent: 'transparent', subdued: '#f7f7f7', base: '#ffffff', strong: '#f1f1f1'};
const FONT_SIZES = {
  'small-200': 11, 'small-100': 12, small: 12, base: 13, large: 14, 'large-100': 16, 'large-200': 20, 'large-300': 24, 'large-400': 30, 'large-500': 36,
};
const FONT_WEIGHTS = {base: 450, medium: 550, semibold: 650, bold: 700};

/** Foreground, background and icon colours of each tone; every pair reaches a contrast of 4.5 : 1. */
export const TONES = {
  neutral: {text: '#616161', fill: '#e3e3e3', ink: '#4a4a4a', strong: '#616161'},
  info: {text: '#00527c', fill: '#d5ebff', ink: '#00395a', strong: '#005bd3'},
  success: {text: '#0c5132', fill: '#cdfee1', ink: '#0c5132', strong: '#29845a'},
  caution: {text: '#4f4700', fill: '#fff8db', ink: '#4f4700', strong: '#998a00'},
  warning: {text: '#5e4200', fill: '#ffef9d', ink: '#4f3700', strong: '#b28400'},
  critical: {text: '#8e0b21', fill: '#fee8eb', ink: '#8e0b21', strong: '#c70a24'},
};

export const FONT = 'Inter,-apple-system,BlinkMacSystemFont,"San Francisco","Segoe UI",Roboto,"Helvetica Neue",sans-serif';

/** Style rules that every shadow root starts with. */
export const RESET = `
:host{box-sizing:border-box;font-family:${FONT};font-size:13px;line-height:20px;color:#303030;-webkit-font-smoothing:antialiased}
:host([hidden]){display:none!important}
*,*::before,*::after{box-sizing:border-box}
[hidden]{display:none!important}
.visually-hidden{position:absolute!important;width:1px;height:1px;margin:-1px;padding:0;overflow:hidden;clip-path:inset(50%);white-space:nowrap;border:0}
:focus-visible{outline:2px solid #005bd3;outline-offset:1px}
@media (prefers-reduced-motion:reduce){*,*::before,*::after{animation-duration:2s!important;transition:none!important}}`;

function eachKeyword(value, table, unit = 'px') {
  return value.trim().split(/\s+/).map(word => (word in table ? `${table[word]}${unit}` : word)).join(' ');
}

export const space = value => eachKeyword(value, SIZES);
export const radius = value => eachKeyword(value, RADII);
export const borderWidth = value => eachKeyword(value, BORDER_WIDTHS);
export const borderColor = value => BORDER_COLORS[value] ?? BORDER_COLORS.base;
export const background = value => BACKGROUNDS[value] ?? value;
export const fontSize = value => (value in FONT_SIZES ? `${FONT_SIZES[value]}px` : 'inherit');
export const fontWeight = value => String(FONT_WEIGHTS[value] ?? 'inherit');

/** Give the CSS `border` for a shorthand such as "base subdued dashed". */
export function border(value) {
  const [size = 'base', color = 'base', style = 'solid'] = value.trim().split(/\s+/);
  return `${borderWidth(size)} ${style === 'auto' ? 'solid' : style} ${borderColor(color)}`;
}

function splitOutsideBrackets(text) {
  const parts = [''];
  let depth = 0;
  for (const character of text) {
    depth += character === '(' ? 1 : character === ')' ? -1 : 0;
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.map(part => part.trim());
}

/**
 * Give the rules for a property whose value may answer to a container:
 * `@container name (inline-size > 500px) wide, narrow`.
 */
export function responsive(property, value, translate = same => same) {
  const query = /^@container\s+([^(]*\([^)]*\))\s*(.*)$/s.exec(value.trim());
  if (!query) return `:host{${property}:${translate(value)}}`;
  const [whenTrue, whenFalse] = splitOutsideBrackets(query[2]);
  const fallback = whenFalse === undefined ? '' : `:host{${property}:${translate(whenFalse)}}`;
  return `${fallback}@container ${query[1]}{:host{${property}:${translate(whenTrue)}}}`;
}
