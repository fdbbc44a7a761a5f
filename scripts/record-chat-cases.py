#!/usr/bin/env python3
"""Record what Hugging Face's `apply_chat_template` makes of the templates in Tests/Fixtures/tokenizer/chat.

Reads  Tests/Fixtures/tokenizer/chat/*.jinja
Writes Tests/Fixtures/tokenizer/chat/cases.json
Needs  pip install transformers==4.55.4 jinja2==3.1.6; takes a second.
"""

import json
import pathlib

from transformers.utils.chat_template_utils import _compile_jinja_template

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/tokenizer/chat"

CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2.5, "c": ["é", None, True], "d": {}}}},
    {"name": "sub", "arguments": {"x": "\"quoted\" \\ </b> & 'single'\n\t\u0001"}},
]}
CONVERSATIONS = {
    "one": [{"role": "user", "content": "What is 2 + 2?"}],
    "spaces": [{"role": "user", "content": "  \n  spaces around \t\u00a0\u2003 "}, {"role": "assistant", "content": " yes \n"}],
    "system": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."},
               {"role": "user", "content": "e\u0301 é 你好 👍🏽\r\n"}],
    "two systems": [{"role": "system", "content": "A"}, {"role": "user", "content": "B"}, {"role": "system", "content": "C"}],
    "empty": [{"role": "user", "content": ""}],
    "tools": [{"role": "user", "content": "Add."}, CALL, {"role": "tool", "content": "3.5"}, {"role": "tool", "content": "{}"},
              {"role": "assistant", "content": "3.5"}],
    "thoughts": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "<think>\nhm\n\n</think>\n\nanswer"},
                 {"role": "user", "content": "b"}, {"role": "assistant", "content": "<think>\nsecond</think>more", "reasoning_content": "\nr\n"},
                 {"role": "user", "content": "<tool_response>x</tool_response>"}, {"role": "assistant", "content": "\n\nend"}],
    "no content": [{"role": "user"}],
    "unknown role": [{"role": "user", "content": "q"}, {"role": "critic", "content": "c"}],
}
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds <b>two</b> numbers & more: \"ü\"", "parameters": {
    "type": "object", "properties": {"a": {"type": "number", "default": 1e-05}, "b": {"type": "integer", "maximum": 10**15, "enum": []}},
    "required": ["a", "b"]}}}]

CONTEXT = {
    "s": "  Hello, World  ", "t": "a,b,,c", "u": "e\u0301é", "empty": "", "n": 7, "neg": -7, "f": 2.5, "big": 1e22, "tiny": 1.5e-7,
    "yes": True, "no": False, "nil": None, "l": [1, 2, 3, 4, 5], "words": ["b", "a", "c"], "nested": [[1, "x"], [2, "y"]],
    "d": {"k": "v", "n": 1, "list": [1, 2], "é": "ü"}, "bos_token": "<s>",
}
SNIPPETS = [
    # white space and tags
    "a\n  {% if yes %}\n  b\n  {% endif %}\nc\n", "a\n  {%- if yes -%}\n  b\n  {%- endif -%}\nc\n", "a {% if yes %} b {% endif %} c",
    "x\n  {{ n }}  \ny", "x\n  {{- n -}}  \ny", "  {% set a = 1 %}\n{{ a }}\n\n", "{# c #}\nx", "  {# c #}\nx{#- c -#}  y", "{% if yes +%}\nx{% endif %}",
    "a\n   {%+ if yes %}b{% endif %}", "\n\n{{ n }}\n\n", "{{ n }}\n", "{{ n }}\r\n{{ n }}\r", "{% for i in l %}\n  {{ i }}\n{% endfor %}", "{{ '}}' }}{{ \"%}\" }}",
    "{% for i in l -%}\n  {{ i }}\n{%- endfor %}\n  {% set x = 1 %}  \nz", "{#- only -#}", "", "text only\n", "{{'a'}}{{\"b\"}}", "{%if yes%}x{%endif%}",
    "{{ {'a': {'b': 1}}['a']['b'] }}", "{#-#}x", "{##}\n\ny", "a\t{%- if yes %}\tb{%- endif %}\tc",
    # values
    "{{ s }}|{{ n }}|{{ f }}|{{ yes }}|{{ nil }}|{{ big }}|{{ tiny }}|{{ missing }}|{{ neg }}", "{{ 1.0 }} {{ 1e16 if false else 12345678.9 }} {{ 0.1 }} {{ 100000.0 * 1000000000000.0 }}",
    "{{ 'a\\n\\t\\\\\\'\\\"\\x41\\u00e9\\q' }}", "{{ 'a' 'b' \"c\" }}", "{{ true }}{{ True }}{{ none }}{{ None }}{{ false }}", "{{ 1_000 + 1 }}",
    "{{ (1, 2)[1] }}{{ (3) }}{{ [][:] | length }}{{ () | length }}{{ (4,) | length }}",
    # operators
    "{{ 1 + 2 * 3 - 4 / 2 }}", "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 // 2 }} {{ 7.5 % 2 }} {{ -7.5 % 2 }}", "{{ 'a' ~ 1 ~ none ~ 2.0 ~ missing }}",
    "{{ 'x' + 'y' | upper + 'z' }}", "{{ -n }} {{ -f }} {{ - 3 + 5 }} {{ +1 if no else 2 }}", "{{ l + [6] | length }}", "{{ (l + [6]) | length }}", "{{ yes + 1 }}", "{{ 1 ~ 2 + 3 }}",
    "{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 'a' < 'b' }} {{ 'Z' < 'a' }} {{ 1 == 1.0 }} {{ true == 1 }} {{ '1' == 1 }} {{ nil == none }} {{ l == [1,2,3,4,5] }}",
    "{{ u == 'éé' }} {{ u == u }} {{ 'e' in u }} {{ 'é' in u }}", "{{ 2 in l }} {{ 9 not in l }} {{ 'ell' in s }} {{ 'k' in d }} {{ 'x' in missing }} {{ not 'k' in d }}",
    "{{ 0 or 'x' }} {{ 1 and 'y' }} {{ not 1 }} {{ not missing }} {{ '' or [] or none or 'last' }} {{ not not n }}", "{{ 'a' if yes else 'b' }} {{ 'a' if no else 'b' }} [{{ 'a' if no }}] {{ 'a' if no else 'b' if no else 'c' }}",
    "{{ d == {'é': 'ü', 'list': [1, 2], 'n': 1.0, 'k': 'v'} }} {{ d != d }} {{ missing == missing2 }} {{ missing != none }}",
    # members, items, slices
    "{{ d.k }}{{ d['k'] }}{{ d['é'] }}{{ d.missing }}{{ l[0] }}{{ l[-1] }}{{ l[9] }}{{ s[2] }}{{ u[1] }}{{ nil.x }}{{ n.x }}", "{{ l.0 }}{{ d.list.1 }}{{ nested[1][1] }}",
    "{{ l[1:3] | join }} {{ l[:2] | join }} {{ l[-2:] | join }} {{ l[::-1] | join(',') }} {{ l[::2] | join }} {{ l[4:1:-2] | join }} {{ l[10:] | join }} {{ l[-99:99] | join }} {{ s[2:7] }} {{ u[::-1] }} {{ l[-1:-4:-1] | join }} {{ l[none:2] | join }}",
    # tests
    "{{ n is defined }} {{ missing is defined }} {{ missing is undefined }} {{ nil is none }} {{ n is not none }} {{ s is string }} {{ n is string }} {{ d is mapping }} {{ l is mapping }}",
    "{{ l is iterable }} {{ n is iterable }} {{ l is sequence }} {{ d is sequence }} {{ s is sequence }} {{ n is number }} {{ f is number }} {{ yes is number }} {{ f is float }} {{ n is integer }} {{ yes is integer }} {{ yes is boolean }} {{ yes is true }} {{ no is false }} {{ 1 is true }}",
    "{{ n is odd }} {{ n is even }} {{ n is divisibleby 7 }} {{ n is divisibleby(2) }} {{ n is eq 7 }} {{ n is equalto(7) }} {{ n is ne 7 }} {{ 2 is in l }} {{ 2 is in [1, 3] }} {{ n is eq 7 and yes }} {{ missing is iterable }} {{ missing is sequence }} {{ nil is iterable }}",
    "{{ not n is defined }} {{ n is defined and missing is not defined }} {{ (n is defined) == true }} {{ n + 1 is defined }}",
    # filters
    "[{{ s | trim }}] [{{ s | trim('H ') }}] [{{ 'xxaxx' | trim('x') }}] {{ n | string | length }} {{ s | length }} {{ l | length }} {{ d | count }} {{ u | length }} {{ missing | length }} [{{ missing | trim }}]",
    "{{ s | upper | lower | trim | capitalize }} {{ l | first }} {{ l | last }} {{ s | first }} {{ [] | first }} {{ l | join('-') }} {{ words | join }} {{ 'abc' | join('.') }} {{ d | join(',') }}",
    "{{ missing | default('x') }} {{ empty | default('x') }} {{ empty | default('x', true) }} {{ empty | d('x', boolean=true) }} {{ missing | default }} {{ n | default(1) }}",
    "{{ '42' | int }} {{ 'x' | int }} {{ 'x' | int(5) }} {{ 3.9 | int }} {{ -3.9 | int }} {{ ' 7 ' | int }} {{ yes | int }} {{ '3.7' | int }}", "{{ 'a-b-c' | replace('-', '+') }} {{ 'a-b-c' | replace('-', '+', 1) }} {{ 'abc' | replace('', '-') }} {{ u | replace('e', 'x') }}",
    "{% for k, v in d | items %}{{ k }}={{ v if v is string else v | tojson }};{% endfor %}{% for k, v in d.items() %}{{ k }};{% endfor %}{{ d.keys() | list | join(',') }}", "{{ l | reverse | join }} {{ 'abc' | reverse }} {{ 'abc' | list | join('/') }} {{ s | safe }}",
    "{{ d | tojson }} {{ l | tojson(indent=2) }} {{ {} | tojson }} {{ [] | tojson(2) }} {{ nested | tojson(indent=none) }} {{ 'é\"<&' | tojson }} {{ big | tojson }} {{ f | tojson }} {{ tiny | tojson }} {{ none | tojson }} {{ yes | tojson }} {{ {'a': [{}, {'b': []}]} | tojson(indent=4) }}",
    # methods
    "[{{ s.strip() }}][{{ s.lstrip() }}][{{ s.rstrip() }}][{{ 'xyhixy'.strip('xy') }}][{{ s.strip(none) }}]", "{{ t.split(',') | join('|') }} {{ t.split(',', 1) | join('|') }} {{ ' a  b '.split() | join('|') }} {{ t.split('zz') | length }} {{ 'aXbXc'.split('X')[-1] }}",
    "{{ s.upper() }} {{ s.lower() }} {{ t.startswith('a') }} {{ t.endswith('c') }} {{ t.startswith(('x', 'a')) }} {{ u.endswith('\\u0301') }} {{ 'abc'.startswith('') }} {{ t.replace(',', ';') }} {{ t.replace(',', ';', 2) }}",
    "{{ d.get('k') }} {{ d.get('zz') }} {{ d.get('zz', 'default') }} {{ d.values() | list | length }} {{ d['list'] | join }}", "{{ 'ǅ ß İ'.upper() }} {{ 'ǅ İ Σ'.lower() }} {{ 'éa' | capitalize }}",
    # loops
    "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}[{{ loop.previtem }}|{{ loop.nextitem }}]{% endfor %}",
    "{% for i in l if i is odd %}{{ i }}/{{ loop.index }}/{{ loop.length }} {% else %}none{% endfor %}", "{% for i in [] %}x{% else %}none{% endfor %}", "{% for i in missing %}x{% else %}none{% endfor %}", "{% for c in u %}[{{ c }}]{% endfor %}", "{% for k in d %}{{ k }},{% endfor %}",
    "{% for a, b in nested %}{{ a }}{{ b }}{% endfor %}", "{% for i in l %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}", "{% for i in l %}{% for j in l %}{% if j > i %}{% break %}{% endif %}{{ j }}{% endfor %};{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}", "{% set ns = namespace(x=0, y='a') %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.y }}{{ ns.z }}", "{% if yes %}{% set q = 5 %}{% endif %}{{ q }}", "{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(5, 1, -2) %}{{ i }}{% endfor %}{{ range(2, 4) | list | length }}",
    "{% for i in l %}{% endfor %}{{ i }}", "{% for i in l %}{% for j in [] %}{% else %}{% if i == 3 %}{% break %}{% endif %}{% endfor %}{{ i }}{% endfor %}", "{% for x in (1, 2) %}{{ x }}{% endfor %}", "{% for message in l %}{% set message = message * 10 %}{{ message }} {% endfor %}", "{% for i in l if i > x2 | default(3) %}{{ i }}{% endfor %}",
    # conditions
    "{% if no %}a{% elif nil %}b{% elif n == 7 %}c{% else %}d{% endif %}", "{% if l %}x{% endif %}{% if [] %}y{% endif %}{% if d %}z{% endif %}{% if missing %}q{% endif %}", "{% if not (yes and no) or n in [1] %}ok{% endif %}", "{% generation %}x {{ n }}{% endgeneration %}",
    # refusals by values
    "{{ missing.x }}", "{{ missing + 'a' }}", "{{ 'a' + 1 }}", "{{ nil + 'a' }}", "{{ raise_exception('no') }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 'a' < 1 }}", "{% for i in 5 %}{% endfor %}", "{% for i in none %}{% endfor %}", "{{ missing | tojson }}", "{{ n | length }}", "{% for a, b in l %}{% endfor %}", "{% set d.k = 1 %}", "{{ none.strip() }}", "{{ 3.strip }}{{ n.strip() }}", "{{ missing() }}", "{{ l.strip() }}", "{{ n in 5 }}", "{{ 1 in s }}", "{{ missing['x'] }}", "{{ missing[0] }}", "{{ range(1000000) }}", "{{ '' .split('') }}",
    # not Jinja
    "{{ }}", "{{ a b }}", "{% if %}{% endif %}", "{% if yes %}", "{% endif %}", "{{ 'a }}", "{{ (1 }}", "{% for in l %}{% endfor %}", "{{ 1 + }}", "{# open", "{% else %}", "{% for i in l %}{% endif %}", "{{ n | }}", "{{ n is }}", "{% set %}", "{% break %}", "{{ d. }}", "{{ [1, 2 }}", "{{ n @ 2 }}",
]


def record(name, template, variables):
    """What becomes of a template: its text, or the error that it ends in."""
    try:
        return {"name": name, "expected": _compile_jinja_template(template).render(**variables)}
    except Exception as error:  # noqa: BLE001: any refusal will do
        return {"name": name, "error": type(error).__name__}


def main():
    cases = []
    for path in sorted(FOLDER.glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        for name, messages in CONVERSATIONS.items():
            for prompt in [True, False]:
                for tools in [None, TOOLS] if path.stem == "dream" else [None]:
                    variables = {"messages": messages, "tools": tools, "add_generation_prompt": prompt, "bos_token": "<|startoftext|>"}
                    if path.stem == "qwen3" and prompt:
                        variables["enable_thinking"] = name != "one"
                    entry = record(f"{path.stem}, {name}, {prompt}, {tools is not None}", template, variables)
                    cases.append({**entry, "file": path.name, "variables": variables})
    for index, snippet in enumerate(SNIPPETS):
        cases.append({**record(f"snippet {index}", snippet, CONTEXT), "template": snippet})
    text = json.dumps({"context": CONTEXT, "cases": cases}, ensure_ascii=False, indent=1)
    (FOLDER / "cases.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(cases)} cases, {len(text)} bytes, {sum('error' in case for case in cases)} of them refused")


if __name__ == "__main__":
    main()
