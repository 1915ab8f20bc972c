import {PolarisElement, define, escapeHtml} from './element.js';
import {iconSvg} from './icons.js';

/** Form fields. Each is form-associated: its value posts with the form and takes part in validation. */

const FIELD_STRINGS = ['label', 'name', 'details', 'error', 'labelAccessibilityVisibility'];
const FIELD_BOOLEANS = ['disabled', 'required'];
const FIELD_CSS = `
:host{display:block;min-inline-size:0}
.label{display:block;margin-block-end:4px}
.label.hidden{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%)}
.control{display:flex;align-items:center;gap:6px;min-block-size:32px;padding-inline:12px;border-radius:8px;background:#fdfdfd;box-shadow:inset 0 0 0 .66px #8a8a8a}
.control:hover{background:#fafafa}
.control:focus-within{outline:2px solid #005bd3;outline-offset:1px;background:#fff}
input,textarea,select{flex:1;min-inline-size:0;inline-size:100%;padding:6px 0;border:0;background:none;font:inherit;color:inherit;outline:0}
textarea{resize:vertical}
.affix{color:#616161;flex:none}.affix:empty{display:none}
.details{margin-block-start:4px;color:#616161}.details:empty{display:none}
.error{display:flex;gap:6px;margin-block-start:4px;color:#8e0b21}.error:empty{display:none}
.error svg{inline-size:16px;flex:none}
:host([error]:not([error=''])) .control{background:#fee8eb;box-shadow:inset 0 0 0 1px #8e0b21}
:host([disabled]){color:#757575}:host([disabled]) .control{background:#0000000d;box-shadow:none}`;

class Field extends PolarisElement {
  static formAssociated = true;
  static delegatesFocus = true;
  static css = FIELD_CSS;

  /** Markup between label and details. */
  controlTemplate() { return ''; }
  template() {
    return `<label class="label" for="input"></label>${this.controlTemplate()}<div class="details" id="details"></div><div class="error" id="error" role="alert"></div><slot name="details"></slot><slot name="error"></slot>`;
  }
  input() { return this.part('#input'); }
  update() {
    this.part('.label').textContent = this.text('label');
    this.part('.label').classList.toggle('hidden', this.text('labelAccessibilityVisibility') === 'exclusive' || !this.text('label'));
    this.part('.details').textContent = this.text('details');
    this.part('.error').innerHTML = this.text('error') ? `${iconSvg('alert-circle')}<span>${escapeHtml(this.text('error'))}</span>` : '';
    this.syncInput();
    this.syncForm();
  }
  syncInput() {
    const input = this.input();
    input.disabled = this.is('disabled');
    input.required = this.is('required');
    input.setAttribute('aria-describedby', 'details error');
    input.setAttribute('aria-invalid', String(Boolean(this.text('error'))));
  }
  syncForm() {
    const input = this.input();
    this.internals.setFormValue(this.formValue());
    if (input.willValidate && !input.validity.valid) this.internals.setValidity(input.validity, input.validationMessage, input);
    else this.internals.setValidity({});
  }
  formValue() { return this.value; }
  get form() { return this.internals.form; }
  checkValidity() { return this.internals.checkValidity(); }
  reportValidity() { return this.internals.reportValidity(); }
  formDisabledCallback(isDisabled) { if (isDisabled !== this.is('disabled')) this.disabled = isDisabled; }
}

const INPUT_STRINGS = [...FIELD_STRINGS, 'placeholder', 'autocomplete'];
const LENGTHS = ['minLength', 'maxLength'];
/** Attributes that the native input understands under the same name. */
const PASSED_ON = ['placeholder', 'autocomplete', 'minlength', 'maxlength', 'min', 'max', 'step', 'inputmode', 'rows', 'readonly'];

class TextField extends Field {
  static strings = [...INPUT_STRINGS, ...LENGTHS, 'prefix', 'suffix', 'icon'];
  static booleans = [...FIELD_BOOLEANS, 'readOnly'];
  static type = 'text';

  static get observedAttributes() { return [...super.observedAttributes, 'value']; }
  get value() { return this.typed ?? this.getAttribute('value') ?? ''; }
  set value(value) {
    this.typed = String(value ?? '');
    if (this.isRendered) this.update();
  }
  get defaultValue() { return this.getAttribute('value') ?? ''; }
  set defaultValue(value) { this.setAttribute('value', value ?? ''); }
  controlTemplate() {
    return `<div class="control"><span class="affix icon"></span><span class="affix prefix"></span><input id="input" type="${this.constructor.type}"><span class="affix suffix"></span><slot name="accessory"></slot></div>`;
  }
  rendered() {
    const input = this.input();
    input.addEventListener('input', () => {
      this.typed = input.value;
      this.syncForm();
    });
    input.addEventListener('change', () => this.tell('change'));
    input.addEventListener('keydown', event => event.key === 'Enter' && input.localName === 'input' && this.form?.requestSubmit());
  }
  syncInput() {
    super.syncInput();
    const input = this.input();
    for (const name of PASSED_ON) {
      if (this.hasAttribute(name)) input.setAttribute(name, this.getAttribute(name));
      else input.removeAttribute(name);
    }
    if (input.value !== this.value) input.value = this.value;
    this.syncAffixes();
  }
  syncAffixes() {
    const [icon, prefix, suffix] = ['.icon', '.prefix', '.suffix'].map(selector => this.part(selector));
    if (!icon) return;
    icon.innerHTML = this.text('icon') ? iconSvg(this.text('icon')).replace('<svg', '<svg width="20"') : '';
    prefix.textContent = this.text('prefix');
    suffix.textContent = this.text('suffix');
  }
  formResetCallback() {
    this.typed = undefined;
    this.update();
  }
}

class NumberField extends TextField {
  static strings = [...INPUT_STRINGS, 'prefix', 'suffix', 'min', 'max', 'step', 'inputMode'];
  static type = 'number';
}
class EmailField extends TextField {
  static strings = [...INPUT_STRINGS, ...LENGTHS];
  static type = 'email';
}
class UrlField extends TextField {
  static strings = [...INPUT_STRINGS, ...LENGTHS];
  static type = 'url';
}
class SearchField extends TextField {
  static strings = [...INPUT_STRINGS, ...LENGTHS];
  static type = 'search';
}
class PasswordField extends TextField {
  static strings = [...INPUT_STRINGS, ...LENGTHS];
  static type = 'password';
}
class DateField extends TextField {
  static strings = INPUT_STRINGS;
  static type = 'date';
}
class MoneyField extends TextField {
  static strings = [...INPUT_STRINGS, 'min', 'max', 'currencyCode'];
  static type = 'number';
  syncAffixes() {
    super.syncAffixes();
    if (this.text('currencyCode')) this.part('.prefix').textContent = this.text('currencyCode');
  }
}
class TextArea extends TextField {
  static strings = [...INPUT_STRINGS, ...LENGTHS, 'rows'];
  controlTemplate() { return '<div class="control"><textarea id="input"></textarea></div>'; }
}

class Select extends Field {
  static strings = [...FIELD_STRINGS, 'placeholder', 'icon'];
  static booleans = FIELD_BOOLEANS;
  static css = `${FIELD_CSS}select{appearance:none;cursor:pointer}.control svg{inline-size:20px;flex:none;pointer-events:none}`;
  static get observedAttributes() { return [...super.observedAttributes, 'value']; }
  get value() { return this.chosen ?? this.getAttribute('value') ?? this.marked() ?? (this.text('placeholder') ? '' : this.options()[0]?.value ?? ''); }
  set value(value) {
    this.chosen = String(value ?? '');
    if (this.isRendered) this.update();
  }
  options() { return [...this.querySelectorAll('s-option')]; }
  marked() { return this.options().find(option => option.hasAttribute('selected') || option.hasAttribute('defaultselected'))?.value; }
  controlTemplate() { return `<div class="control"><select id="input"></select>${iconSvg('chevron-down')}</div><slot hidden></slot>`; }
  rendered() {
    const select = this.input();
    for (const type of ['input', 'change']) {
      select.addEventListener(type, () => {
        this.chosen = select.value;
        this.syncForm();
        if (type === 'change') this.tell('change');
      });
    }
    // Options come and go after the first render (React adds them one by one), and the value may be set before them.
    new MutationObserver(() => this.update()).observe(this, {childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ['value', 'disabled', 'selected', 'label']});
  }
  syncInput() {
    super.syncInput();
    const placeholder = this.text('placeholder') ? `<option value="" disabled>${escapeHtml(this.text('placeholder'))}</option>` : '';
    this.input().innerHTML = placeholder + [...this.children].map(optionHtml).join('');
    this.input().value = this.value;
  }
  formResetCallback() {
    this.chosen = undefined;
    this.update();
  }
}

function optionHtml(element) {
  const disabled = element.hasAttribute('disabled') ? 'disabled' : '';
  if (element.localName === 's-option-group') {
    return `<optgroup label="${escapeHtml(element.getAttribute('label'))}" ${disabled}>${[...element.children].map(optionHtml).join('')}</optgroup>`;
  }
  if (element.localName !== 's-option') return '';
  return `<option value="${escapeHtml(element.value)}" ${disabled}>${escapeHtml(element.textContent.trim())}</option>`;
}

class Option extends PolarisElement {
  static booleans = ['disabled', 'selected'];
  static css = ':host{display:none}';
  get value() { return this.getAttribute('value') ?? this.textContent.trim(); }
  set value(value) { this.setAttribute('value', value ?? ''); }
}

class OptionGroup extends PolarisElement {
  static strings = ['label'];
  static booleans = ['disabled'];
  static css = ':host{display:none}';
}

/** What a checkbox and a switch share. */
class Toggle extends Field {
  static strings = [...FIELD_STRINGS, 'accessibilityLabel'];
  static booleans = FIELD_BOOLEANS;
  static role = null;
  static css = `${FIELD_CSS}
.row{display:flex;gap:8px;align-items:flex-start}
input{appearance:none;flex:none;inline-size:18px;block-size:18px;margin:1px 0;padding:0;border-radius:4px;background:#fdfdfd;box-shadow:inset 0 0 0 .66px #8a8a8a;cursor:pointer}
input:checked,input:indeterminate{background:#303030 center/14px no-repeat url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20' fill='none' stroke='white' stroke-width='2.4'%3E%3Cpath d='m4.5 10.5 3.5 3.5 7.5-8'/%3E%3C/svg%3E");box-shadow:none}
input:focus-visible{outline:2px solid #005bd3;outline-offset:1px}
.label{margin:0;cursor:pointer}`;
  static get observedAttributes() { return [...super.observedAttributes, 'checked', 'value']; }
  get checked() { return this.ticked ?? this.hasAttribute('checked'); }
  set checked(value) {
    this.ticked = Boolean(value) && value !== 'false';
    if (this.isRendered) this.update();
  }
  get defaultChecked() { return this.hasAttribute('checked'); }
  set defaultChecked(value) { this.toggleAttribute('checked', Boolean(value)); }
  get value() { return this.getAttribute('value') ?? 'on'; }
  set value(value) { this.setAttribute('value', value ?? 'on'); }
  template() {
    const role = this.constructor.role ? `role="${this.constructor.role}"` : '';
    return `<div class="row"><input id="input" type="checkbox" ${role}><div><label class="label" for="input"></label><div class="details" id="details"></div></div></div><div class="error" id="error" role="alert"></div><slot name="details"></slot><slot name="error"></slot>`;
  }
  rendered() {
    const input = this.input();
    input.addEventListener('input', () => {
      this.ticked = input.checked;
      this.syncForm();
    });
    input.addEventListener('change', () => this.tell('change'));
  }
  syncInput() {
    super.syncInput();
    this.input().checked = this.checked;
    if (this.text('accessibilityLabel')) this.input().setAttribute('aria-label', this.text('accessibilityLabel'));
  }
  formValue() { return this.checked ? this.value : null; }
  formResetCallback() {
    this.ticked = undefined;
    this.update();
  }
}

class Checkbox extends Toggle {
  static booleans = [...FIELD_BOOLEANS, 'indeterminate'];
  syncInput() {
    super.syncInput();
    this.input().indeterminate = this.is('indeterminate');
  }
}

class Switch extends Toggle {
  static role = 'switch';
  static css = `${Toggle.css}
input,input:checked{inline-size:32px;block-size:20px;border-radius:20px;background:#8a8a8a;box-shadow:none;position:relative;transition:background .15s}
input:checked{background:#303030}
input::after{content:"";position:absolute;inset-block-start:3px;inset-inline-start:3px;inline-size:14px;block-size:14px;border-radius:50%;background:#fff;transition:inset-inline-start .15s}
input:checked::after{inset-inline-start:15px}`;
}

class ChoiceList extends PolarisElement {
  static formAssociated = true;
  static strings = ['label', 'name', 'details', 'error', 'labelAccessibilityVisibility'];
  static booleans = ['disabled', 'multiple'];
  static css = `${FIELD_CSS}fieldset{border:0;margin:0;padding:0;display:flex;flex-direction:column;gap:8px}legend{padding:0;margin-block-end:4px}legend.hidden{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%)}`;
  template() { return '<fieldset><legend></legend><slot></slot></fieldset><div class="details"></div><div class="error" role="alert"></div>'; }
  choices() { return [...this.querySelectorAll('s-choice')]; }
  get values() { return this.choices().filter(choice => choice.selected).map(choice => choice.value); }
  set values(values) { this.choices().forEach(choice => { choice.selected = (values ?? []).includes(choice.value); }); }
  choose(choice) {
    if (!this.is('multiple')) this.choices().forEach(other => { other.selected = other === choice; });
    else choice.selected = !choice.selected;
    this.syncForm();
    this.tell('input');
    this.tell('change');
  }
  syncForm() {
    const data = new FormData();
    this.values.forEach(value => data.append(this.text('name'), value));
    this.internals.setFormValue(data);
  }
  update() {
    const legend = this.part('legend');
    legend.textContent = this.text('label');
    legend.classList.toggle('hidden', this.text('labelAccessibilityVisibility') === 'exclusive' || !this.text('label'));
    this.part('.details').textContent = this.text('details');
    this.part('.error').textContent = this.text('error');
    this.part('fieldset').disabled = this.is('disabled');
    this.choices().forEach(choice => choice.isRendered && choice.update());
    this.syncForm();
  }
}

class Choice extends PolarisElement {
  static delegatesFocus = true;
  static booleans = ['disabled', 'selected'];
  static strings = ['accessibilityLabel'];
  static css = ':host{display:block}label{display:flex;gap:8px;align-items:flex-start;cursor:pointer}input{inline-size:16px;block-size:16px;margin:2px 0;accent-color:#303030;flex:none}.extra{padding-inline-start:24px;color:#616161}';
  get value() { return this.getAttribute('value') ?? ''; }
  set value(value) { this.setAttribute('value', value ?? ''); }
  set defaultSelected(value) { this.selected = value; }
  template() { return '<label><input><span><slot></slot></span></label><div class="extra"><slot name="details"></slot><slot name="secondary-content"></slot></div>'; }
  list() { return this.closest('s-choice-list'); }
  rendered() {
    this.part('input').addEventListener('change', event => {
      event.stopPropagation();
      this.list()?.choose(this);
    });
  }
  update() {
    const input = this.part('input');
    input.type = this.list()?.is('multiple') ? 'checkbox' : 'radio';
    input.checked = this.is('selected');
    input.disabled = this.is('disabled') || Boolean(this.list()?.is('disabled'));
    if (this.isConnected) this.list()?.isRendered && this.list().syncForm();
  }
}

define('s-text-field', TextField);
define('s-number-field', NumberField);
define('s-email-field', EmailField);
define('s-url-field', UrlField);
define('s-search-field', SearchField);
define('s-password-field', PasswordField);
define('s-date-field', DateField);
define('s-money-field', MoneyField);
define('s-text-area', TextArea);
define('s-select', Select);
define('s-option', Option);
define('s-option-group', OptionGroup);
define('s-checkbox', Checkbox);
define('s-switch', Switch);
define('s-choice-list', ChoiceList);
define('s-choice', Choice);
