/**
 * What the built-in shop sells: ten collections of a gift and home store.
 *
 * `[title, price in hundredths, used up in days or 0]`; what goes well with a
 * product is listed in PAIRS by title.
 */
export const CATALOGUE = Object.freeze({
  'Candles': {
    noun: 'candle',
    text: 'Hand-poured in small batches from plant wax, with a cotton wick.',
    products: [
      ['Beeswax Pillar Candle', 1450, 28], ['Fig and Cedar Candle', 1800, 24], ['Sea Salt Candle', 1800, 24], ['Orange Blossom Candle', 1650, 24],
      ['Winter Spice Candle', 1900, 26], ['Lavender Travel Candle', 950, 16], ['Set of Six Dinner Candles', 1200, 18], ['Tealights in Tin', 650, 14],
      ['Brass Candle Snuffer', 1600, 0], ['Stoneware Candle Holder', 2200, 0], ['Long Matches in Bottle', 850, 35], ['Glass Hurricane Lantern', 3400, 0],
    ],
  },
  'Tea and Coffee': {
    noun: 'tea',
    text: 'Chosen with a grower we know by name, packed the week it is sent.',
    products: [
      ['Breakfast Tea Caddy', 1100, 21], ['Earl Grey Loose Tea', 1050, 20], ['Jasmine Green Tea', 1150, 22], ['Chamomile Tea', 950, 20],
      ['House Espresso Beans', 1350, 15], ['Filter Coffee Beans', 1300, 15], ['Decaf Coffee Beans', 1350, 17], ['Drinking Chocolate', 1000, 25],
      ['Stoneware Teapot', 3800, 0], ['Pour Over Dripper', 2600, 0], ['Paper Coffee Filters', 550, 30], ['Brass Tea Strainer', 1400, 0],
    ],
  },
  'Mugs and Cups': {
    noun: 'mug',
    text: 'Thrown and glazed by hand, so no two are quite the same.',
    products: [
      ['Speckled Stoneware Mug', 1600, 0], ['Ocean Glaze Mug', 1750, 0], ['Terracotta Espresso Cup', 1200, 0], ['Enamel Camping Mug', 1100, 0],
      ['Botanical Print Mug', 1400, 0], ['Double Walled Glass Cup', 1500, 0], ['Set of Four Tumblers', 2800, 0], ['Milk Jug with Handle', 1900, 0],
      ['Sugar Bowl with Lid', 1700, 0], ['Cork Coasters', 950, 0], ['Linen Tea Towel', 1050, 0], ['Honey Pot with Dipper', 1850, 0],
    ],
  },
  'Kitchen': {
    noun: 'kitchenware',
    text: 'Made to be used every day and to look better for it.',
    products: [
      ['Olive Wood Spoon', 1150, 0], ['Beech Chopping Board', 3200, 0], ['Linen Apron', 3600, 0], ['Oven Glove in Blue Stripe', 1500, 0],
      ['Ceramic Mixing Bowl', 2900, 0], ['Bread Proving Basket', 2100, 0], ['Salt Pig', 1900, 0], ['Sea Salt Flakes', 600, 26],
      ['Board Oil', 1200, 40], ['Beeswax Food Wraps', 1400, 45], ['Bread Knife', 3400, 0], ['Recipe Tin', 1800, 0],
    ],
  },
  'Cushions and Throws': {
    noun: 'textile',
    text: 'Woven from wool and cotton at a mill that has done so since 1871.',
    products: [
      ['Lambswool Throw in Moss', 6800, 0], ['Herringbone Throw in Grey', 6200, 0], ['Linen Cushion in Rust', 3400, 0], ['Velvet Cushion in Teal', 3600, 0],
      ['Striped Bolster Cushion', 3200, 0], ['Feather Cushion Pad', 1400, 0], ['Knitted Blanket in Cream', 7200, 0], ['Floor Cushion in Ochre', 5400, 0],
      ['Wool Wash', 1100, 35], ['Cedar Moth Blocks', 900, 50], ['Fabric Shaver Comb', 1300, 0], ['Tasselled Table Runner', 2700, 0],
    ],
  },
  'Stationery': {
    noun: 'stationery',
    text: 'Paper that takes ink well, bound to lie flat.',
    products: [
      ['Dotted Notebook', 1250, 30], ['Lined Pocket Notebook', 800, 24], ['Weekly Desk Planner', 1500, 60], ['Brass Ballpoint Pen', 2400, 0],
      ['Fountain Pen', 3900, 0], ['Blue Black Ink', 1300, 40], ['Pen Refills', 700, 30], ['Letterpress Thank You Cards', 1400, 30],
      ['Birthday Cards Box', 1600, 35], ['Washi Tape Trio', 900, 28], ['Brown Paper Wrap', 750, 20], ['Cotton Ribbon Reel', 650, 24],
    ],
  },
  'Bath and Body': {
    noun: 'bath',
    text: 'Gentle, unpackaged where it can be, and made without palm oil.',
    products: [
      ['Oat and Honey Soap', 700, 18], ['Rosemary Soap', 700, 18], ['Charcoal Soap', 750, 18], ['Bath Salts with Lavender', 1400, 22],
      ['Hand Cream', 1200, 25], ['Hand Wash with Vetiver', 1600, 20], ['Body Oil', 2200, 35], ['Lip Balm', 600, 28],
      ['Olive Wood Soap Dish', 1300, 0], ['Natural Sponge', 1500, 0], ['Waffle Bath Towel', 3200, 0], ['Bamboo Bath Tray', 4200, 0],
    ],
  },
  'Garden': {
    noun: 'garden',
    text: 'For borders, balconies and one good window sill.',
    products: [
      ['Terracotta Plant Pot', 1400, 0], ['Glazed Plant Pot in Green', 2200, 0], ['Wildflower Seeds', 450, 20], ['Kitchen Herb Seeds', 500, 20],
      ['Sweet Pea Seeds', 400, 20], ['Garden Twine in Tin', 950, 40], ['Copper Hand Trowel', 3600, 0], ['Brass Plant Mister', 2600, 0],
      ['Watering Can in Zinc', 4400, 0], ['Plant Food', 1100, 26], ['Slate Plant Labels', 800, 0], ['Leather Garden Gloves', 2900, 0],
    ],
  },
  'Little Ones': {
    noun: 'toy',
    text: 'Safe from birth, washed clean easily, loved for years.',
    products: [
      ['Wooden Stacking Rainbow', 3400, 0], ['Knitted Rabbit', 2600, 0], ['Knitted Fox', 2600, 0], ['Wooden Alphabet Blocks', 2900, 0],
      ['Muslin Swaddle', 1800, 0], ['Star Night Light', 3200, 0], ['Beeswax Crayons', 1400, 30], ['Drawing Pad', 800, 18],
      ['Sticker Book of Birds', 750, 16], ['Wooden Train', 2400, 0], ['Felt Story Book', 2100, 0], ['Paper Bunting Kit', 1250, 25],
    ],
  },
  'Home Fragrance': {
    noun: 'fragrance',
    text: 'Blended from essential oils, quiet enough for a small room.',
    products: [
      ['Fig Reed Diffuser', 2800, 45], ['Cedar Reed Diffuser', 2800, 45], ['Diffuser Refill', 1600, 30], ['Room Spray with Sage', 1500, 26],
      ['Linen Water', 1300, 24], ['Drawer Sachets', 900, 35], ['Incense Sticks', 700, 16], ['Incense Burner in Brass', 1900, 0],
      ['Essential Oil in Eucalyptus', 1100, 28], ['Ceramic Oil Burner', 2300, 0], ['Potpourri with Rose', 1000, 40], ['Cedar Wood Balls', 850, 50],
    ],
  },
});

const RIBBON_COLOURS = ['Moss', 'Rust', 'Ochre', 'Cream', 'Ink', 'Rose', 'Sage', 'Slate', 'Plum', 'Sky', 'Clay', 'Snow'];
const RIBBON_WIDTHS = [3, 6, 9, 12, 15, 18, 22, 25, 32, 38, 50, 64];

/** Products that come in many kinds, and the kinds. */
export const VARIETIES = Object.freeze({
  'Cotton Ribbon Reel': RIBBON_COLOURS.flatMap((colour) => RIBBON_WIDTHS.map((width) => `${colour}, ${width} mm`)),
});

export const GIFT_CARD = Object.freeze({ title: 'Gift Card', text: 'For whoever is hard to choose for.', prices: [1000, 2500, 5000] });

/** What people buy after a product. */
export const PAIRS = Object.freeze({
  'Beeswax Pillar Candle': ['Stoneware Candle Holder', 'Long Matches in Bottle'],
  'Fig and Cedar Candle': ['Brass Candle Snuffer', 'Fig Reed Diffuser', 'Long Matches in Bottle'],
  'Sea Salt Candle': ['Bath Salts with Lavender', 'Brass Candle Snuffer'],
  'Set of Six Dinner Candles': ['Stoneware Candle Holder', 'Tasselled Table Runner'],
  'Tealights in Tin': ['Ceramic Oil Burner', 'Glass Hurricane Lantern'],
  'Stoneware Candle Holder': ['Set of Six Dinner Candles', 'Beeswax Pillar Candle'],
  'Glass Hurricane Lantern': ['Beeswax Pillar Candle', 'Tealights in Tin'],
  'Stoneware Teapot': ['Earl Grey Loose Tea', 'Breakfast Tea Caddy', 'Brass Tea Strainer'],
  'Brass Tea Strainer': ['Earl Grey Loose Tea', 'Jasmine Green Tea'],
  'Earl Grey Loose Tea': ['Speckled Stoneware Mug', 'Honey Pot with Dipper'],
  'Pour Over Dripper': ['Paper Coffee Filters', 'Filter Coffee Beans'],
  'Filter Coffee Beans': ['Paper Coffee Filters', 'Ocean Glaze Mug'],
  'House Espresso Beans': ['Terracotta Espresso Cup', 'Milk Jug with Handle'],
  'Drinking Chocolate': ['Enamel Camping Mug', 'Knitted Blanket in Cream'],
  'Speckled Stoneware Mug': ['Cork Coasters', 'Ocean Glaze Mug'],
  'Milk Jug with Handle': ['Sugar Bowl with Lid'],
  'Beech Chopping Board': ['Board Oil', 'Bread Knife'],
  'Olive Wood Spoon': ['Board Oil', 'Ceramic Mixing Bowl'],
  'Bread Proving Basket': ['Linen Tea Towel', 'Ceramic Mixing Bowl', 'Bread Knife'],
  'Salt Pig': ['Sea Salt Flakes'],
  'Linen Apron': ['Oven Glove in Blue Stripe', 'Recipe Tin'],
  'Lambswool Throw in Moss': ['Wool Wash', 'Cedar Moth Blocks'],
  'Herringbone Throw in Grey': ['Wool Wash', 'Velvet Cushion in Teal'],
  'Linen Cushion in Rust': ['Feather Cushion Pad', 'Floor Cushion in Ochre'],
  'Velvet Cushion in Teal': ['Feather Cushion Pad'],
  'Knitted Blanket in Cream': ['Fabric Shaver Comb', 'Wool Wash'],
  'Dotted Notebook': ['Brass Ballpoint Pen', 'Washi Tape Trio'],
  'Brass Ballpoint Pen': ['Pen Refills', 'Lined Pocket Notebook'],
  'Fountain Pen': ['Blue Black Ink', 'Dotted Notebook'],
  'Birthday Cards Box': ['Brown Paper Wrap', 'Cotton Ribbon Reel'],
  'Brown Paper Wrap': ['Cotton Ribbon Reel'],
  'Oat and Honey Soap': ['Olive Wood Soap Dish', 'Hand Cream'],
  'Hand Wash with Vetiver': ['Hand Cream'],
  'Bath Salts with Lavender': ['Bamboo Bath Tray', 'Lavender Travel Candle'],
  'Waffle Bath Towel': ['Natural Sponge', 'Body Oil'],
  'Bamboo Bath Tray': ['Sea Salt Candle', 'Bath Salts with Lavender'],
  'Terracotta Plant Pot': ['Kitchen Herb Seeds', 'Plant Food'],
  'Glazed Plant Pot in Green': ['Brass Plant Mister', 'Plant Food'],
  'Wildflower Seeds': ['Copper Hand Trowel', 'Slate Plant Labels'],
  'Sweet Pea Seeds': ['Garden Twine in Tin', 'Slate Plant Labels'],
  'Copper Hand Trowel': ['Leather Garden Gloves', 'Wildflower Seeds'],
  'Knitted Rabbit': ['Knitted Fox', 'Muslin Swaddle'],
  'Knitted Fox': ['Knitted Rabbit', 'Star Night Light'],
  'Beeswax Crayons': ['Drawing Pad'],
  'Wooden Stacking Rainbow': ['Wooden Alphabet Blocks', 'Wooden Train'],
  'Fig Reed Diffuser': ['Diffuser Refill', 'Fig and Cedar Candle'],
  'Cedar Reed Diffuser': ['Diffuser Refill', 'Cedar Wood Balls'],
  'Incense Burner in Brass': ['Incense Sticks'],
  'Ceramic Oil Burner': ['Essential Oil in Eucalyptus', 'Tealights in Tin'],
  'Linen Water': ['Drawer Sachets'],
});

export const FIRST_NAMES = Object.freeze((
  'Ada Alma Amara Anya Arun Asha Beatrix Ben Callum Cara Chidi Clara Dara Dev Edith Elif Emeka Esme Felix Fern Finn Freya Gwen Hana Harriet Idris '
  + 'Imogen Ines Iris Isaac Ivy Jonas Juno Kaya Kit Lara Leila Leo Lena Mabel Maeve Malik Marta Mina Nadia Nell Noor Olive Omar Oskar Otis Pearl '
  + 'Petra Priya Quinn Rafi Rhea Rosa Rowan Ruth Sana Seth Silas Sofia Stella Tariq Tess Theo Uma Vera Wren Yara Yusuf Zadie Zoe'
).split(' '));

export const LAST_NAMES = Object.freeze((
  'Abbott Adeyemi Ahmed Archer Ash Bailey Banerjee Barlow Bell Birch Brook Carver Chen Clarke Cole Costa Dawson Dyer Ellis Eze Farrow Fenn Flint Ford '
  + 'Gallagher Garcia Glover Grant Gray Hale Hart Hayes Holt Hughes Hunt Iqbal James Jensen Kaur Khan Kovac Lane Larsen Linden Lowe Marsh Mason Mehta '
  + 'Moss Murphy Nash Novak Nowak Okafor Osei Park Patel Penn Price Quill Reed Rossi Rowe Sharma Shaw Silva Singh Stone Thorne Vale Walsh Ward Webb '
  + 'West Wilde Wood Yates Young'
).split(' '));
