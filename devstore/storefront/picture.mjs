/**
 * A picture for each product, drawn from its words: what it is, its colour, its pattern.
 *
 * The same product always gets the same picture, and no picture is stored.
 */
import { createHash } from 'node:crypto';
import { escapeHtml } from './liquid/filters.mjs';
import { MOTIFS } from './picture-motifs.mjs';

/** What a word in title or type says about the thing; the first that fits wins, so the telling ones come first. Each begins a word. */
const WORDS = [
  ['lantern', /\b(?:lantern|lamp\b|chandelier)/],
  ['candle', /\b(?:candle|t-?light|tealight|votive|wax melt|incense|diffuser|chandlery)/],
  ['bunting', /\b(?:bunting|garland|paper chain|streamer|flag)/],
  ['cushion', /\b(?:cushion|pillow)/],
  ['umbrella', /\b(?:umbrella|parasol)/],
  ['clock', /\b(?:clock|alarm|watch)/],
  ['mirror', /\b(?:mirror)/],
  ['frame', /\b(?:frame|photo|picture|print\b|poster|canvas|art\b)/],
  ['jewel', /\b(?:necklace|bracelet|earring|bangle|ring\b|jewel|charm|bead|brooch|diamante|pendant|hair ?(clip|slide|grip|band)|locket)/],
  ['teapot', /\b(?:teapot|kettle|tea set|strainer|infuser|cafetiere)/],
  ['mug', /\b(?:mug|cup\b|cups\b|teacup|coffee|saucer|beaker|cocoa|hot chocolate)/],
  ['cake', /\b(?:cake|bak(e|ing)|muffin|cookie|biscuit|bun case)/],
  ['bag', /\b(?:bags?\b|shopper|tote|rucksack|purse|satchel|wash ?bag)/],
  ['bottle', /\b(?:bottle|soda|oil\b|spray|mist|lotion|hand wash|shampoo|perfume|cordial|syrup)/],
  ['jar', /\b(?:jars?\b|honey|jam\b|pickle|preserv|potpourri|bath salts|scrub|chutney)/],
  ['soap', /\b(?:soap|bath|towel rail|sponge)/],
  ['cutlery', /\b(?:spoon|fork|cutlery|knife|scissor|whisk|spatula|ladle|tongs|tea ?spoon)/],
  ['plate', /\b(?:plate|platter|tray|coaster|placemat|board\b|saucer)/],
  ['bowl', /\b(?:bowl|dish\b|basin|mortar|ramekin)/],
  ['textile', /\b(?:towel|throw|blanket|apron|napkin|cloth|rug\b|doormat|mitt|scarf|quilt|sock|glove|oven)/],
  ['basket', /\b(?:basket|hamper|crate|trug|wicker|storage)/],
  ['card', /\b(?:cards?\b|postcard|letter|envelope|invitation|tags?\b)/],
  ['book', /\b(?:book|planner|journal|diary|notebook|sketch|stationery|pencil|pen\b|sticker|stamp|wrap|paper|tissue|ribbon|tape)/],
  ['rabbit', /\b(?:rabbit|bunny|hare\b|easter|egg)/],
  ['bird', /\b(?:bird|robin|owl|hen\b|chick|duck|dove|goose|feather|cockerel|butterfly|dinosaur|animal|dog|cat\b|reindeer|elephant)/],
  ['toy', /\b(?:doll|toy|game|puzzle|block|jigsaw|spaceboy|skittle|babushka|marble|knitted|rattle|teddy|bear|circus|children|kids|baby|little ones|play)/],
  ['tree', /\b(?:christmas|xmas|advent|bauble|tinsel|tree)/],
  ['star', /\b(?:star\b|stars|snowflake|angel|fairy|decoration|hook)/],
  ['plant', /\b(?:plant|pot\b|pots\b|herb|seed|cactus|garden|trowel|watering|twine|terracotta|dibber)/],
  ['flower', /\b(?:flower|rose|daisy|lavender|poppy|floral|bouquet|wreath|vase|petal|bloom)/],
  ['heart', /\b(?:heart|love|valentine|sweetheart|wedding)/],
  ['sign', /\b(?:sign\b|plaque|chalk|slate|blackboard|door|number|letter|memo|magnet|metal|wall)/],
  ['tin', /\b(?:tins?\b|caddy|canister|tea\b|pantry|enamel|drum|pot pourri)/],
  ['box', /\b(?:box|set\b|kit\b|gift|case|pack|drawer|cabinet|trinket|chest)/],
];
const FALLBACKS = ['box', 'heart', 'star', 'flower', 'tin', 'jar'];

/** Hue, saturation and lightness of the colour words; the first in the title paints the thing. */
const COLOURS = {
  red: [4, 58, 52], ruby: [350, 60, 44], pink: [340, 58, 70], rose: [345, 50, 68], orange: [24, 72, 58], coral: [12, 70, 64], yellow: [45, 78, 60], gold: [42, 62, 52], amber: [34, 74, 54], honey: [38, 72, 56],
  green: [140, 30, 45], sage: [115, 18, 58], mint: [155, 36, 66], olive: [72, 32, 44], teal: [182, 38, 40], turquoise: [178, 46, 50], blue: [212, 44, 54], navy: [220, 46, 34], indigo: [236, 36, 46], purple: [275, 32, 54],
  lavender: [262, 40, 72], lilac: [282, 36, 74], white: [40, 30, 92], ivory: [42, 46, 88], cream: [42, 50, 84], linen: [38, 30, 78], black: [220, 8, 26], charcoal: [220, 8, 34], grey: [210, 8, 60], silver: [210, 12, 72],
  zinc: [205, 10, 62], slate: [210, 14, 42], brass: [44, 52, 50], copper: [20, 54, 54], oak: [30, 42, 54], wood: [28, 42, 54], wooden: [28, 42, 54], cork: [30, 46, 62], wicker: [32, 44, 56], chocolate: [18, 40, 34], terracotta: [16, 54, 54],
};

const PATTERNS = {
  dots: [/retrospot|polkadot|polka dot|\bspot|dot\b/, (ink) => `<circle cx="20" cy="20" r="11" fill="${ink}"/>`, 44],
  stripes: [/stripe|candy|breton|deckchair|herringbone|ticking/, (ink) => `<path d="M0 0h16v44H0z" fill="${ink}"/>`, 34],
  checks: [/gingham|check|tartan|union|plaid/, (ink) => `<path d="M0 0h22v44H0zM0 0h44v22H0z" fill="${ink}" opacity=".55"/>`, 44],
  flowers: [/floral|flower|daisy|rose|paisley|botanical|strawberry|meadow|leaf|leaves|fern/, (ink) => `<g fill="${ink}"><circle cx="22" cy="12" r="7"/><circle cx="12" cy="24" r="7"/><circle cx="32" cy="24" r="7"/><circle cx="22" cy="32" r="7"/></g>`, 56],
  hearts: [/sweetheart|hearts|love/, (ink) => `<path d="M22 36C6 24 6 16 10 11c4-5 10-4 12 2 2-6 8-7 12-2 4 5 4 13-12 25z" fill="${ink}"/>`, 52],
  stars: [/stars|spaceboy|night|snow/, (ink) => `<path d="M22 8l4 9 10 1-7 7 2 10-9-5-9 5 2-10-7-7 10-1z" fill="${ink}"/>`, 54],
};

/** Return the SVG of a product's picture. */
export function drawProduct(product) {
  const words = `${product.title} ${product.productType}`.toLowerCase();
  const seed = createHash('sha256').update(String(product.title)).digest();
  const paint = paintsOf(words, seed);
  const pattern = patternOf(words, paint);
  const motif = MOTIFS[motifOf(product, seed)];
  const drawing = motif({ ...paint, body: pattern ? 'url(#pattern)' : paint.main });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 800" width="800" height="800" role="img" aria-label="${escapeHtml(product.title)}">`
    + `<defs>${pattern}<radialGradient id="ground" cx=".5" cy=".42" r=".75"><stop offset="0" stop-color="${paint.near}"/><stop offset="1" stop-color="${paint.far}"/></radialGradient></defs>`
    + `<rect width="800" height="800" fill="url(#ground)"/><g transform="translate(400 410) scale(1.2) translate(-400 -410)"><ellipse cx="400" cy="634" rx="210" ry="26" fill="${paint.shadow}" opacity=".28"/>${drawing}</g></svg>`;
}

/** The title says more than the type: a throw is sold under "Cushions and Throws". */
function motifOf({ title, productType }, seed) {
  const find = (text) => WORDS.find(([, pattern]) => pattern.test(text.toLowerCase()))?.[0];
  return find(title) ?? find(productType) ?? FALLBACKS[seed[0] % FALLBACKS.length];
}

/** The thing in its own colour, on a pale ground of another: a white thing needs a darker one. */
function paintsOf(words, seed) {
  const named = words.split(/[^a-z]+/).find((word) => Object.hasOwn(COLOURS, word));
  const [hue, saturation, lightness] = named ? COLOURS[named] : [HUES[seed[1] % HUES.length], 38, 52];
  const groundHue = (hue + 150 + (seed[2] % 80)) % 360;
  const ground = lightness > 80 ? 80 : 91;
  const hsl = (h, s, l) => `hsl(${h} ${s}% ${l}%)`;
  return {
    main: hsl(hue, saturation, lightness),
    dark: hsl(hue, saturation, Math.max(18, lightness - 22)),
    light: hsl(hue, Math.min(40, saturation), Math.min(95, lightness + 30)),
    accent: hue > 20 && hue < 100 ? hsl(8, 60, 60) : hsl(42, 70, 62),
    near: hsl(groundHue, 26, ground + 3),
    far: hsl(groundHue, 26, ground - 5),
    shadow: hsl(groundHue, 24, 34),
  };
}

/** Hues that go with the theme, for things that name no colour. */
const HUES = [12, 28, 42, 96, 140, 165, 190, 212, 258, 335];

function patternOf(words, { main, light, dark }) {
  const found = Object.values(PATTERNS).find(([pattern]) => pattern.test(words));
  if (!found) return '';
  const [, draw, size] = found;
  const ink = /hsl\(\d+ \d+% (\d+)%/.exec(main)[1] > 75 ? dark : light;
  return `<pattern id="pattern" width="${size}" height="${size}" patternUnits="userSpaceOnUse"><rect width="${size}" height="${size}" fill="${main}"/>${draw(ink)}</pattern>`;
}
