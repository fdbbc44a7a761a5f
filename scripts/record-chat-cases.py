#!/usr/bin/env python3
"""Record what Hugging Face's `apply_chat_template` makes of the templates in Tests/Fixtures/tokenizer/chat.

Reads  Tests/Fixtures/tokenizer/chat/*.jinja
Writes Tests/Fixtures/tokenizer/chat/cases.json
Needs  pip install transformers==4.55.4 jinja2==3.1.6; takes a second.
"""

import datetime
import json
import pathlib

import transformers.utils.chat_template_utils as utils
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
    "turns": [{"role": "system", "content": "S", "x": {"y": 1}}, {"role": "user", "content": "U1", "x": {"y": 2}},
              {"role": "assistant", "content": None, "tool": "t", "x": {"y": 3}}, {"role": "user", "content": "U2", "x": {"y": 0}}],
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
    # macros
    "{% macro f(a, b=2) %}[{{ a }}|{{ b }}]{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(b=4, a=5) }}{{ f() }}{{ f(b=6) }}",
    "{% macro f(a, b=a, c=b ~ '!') %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ f(1) }}{{ f(1, c=3) }}{{ f('x', 'y') }}",
    "{%- macro f(x) -%}\n  {%- if x > 0 -%}\n    {{ x }},{{ f(x - 1) }}\n  {%- endif -%}\n{%- endmacro -%}\n{{ f(5) }}", "{% macro f() %}{{ y }}{% endmacro %}{% set y = 1 %}{{ f() }}{% set y = 2 %}{{ f() }}",
    "{% macro f() %}{% set y = 'in' %}{{ y }}{% endmacro %}{% set y = 'out' %}{{ f() }}{{ y }}", "{% macro f() %}{{ i }}{% endmacro %}{% for i in l %}{{ f() }}{% endfor %}|", "{% for i in l %}{% macro f(x) %}{{ i }}{{ x }}{% endmacro %}{{ f('a') }} {% endfor %}{{ f is defined }}",
    "{% macro f(x) %}  {{ x }}  {% endmacro %}[{{ f('a') | trim }}][{{ f('a') ~ 'b' }}][{{ f('a') | length }}]{{ f(1) is string }}{{ 'x' if f('') == '    ' }}", "{% macro f(n) %}{{ caller is defined }}{{ n is defined }}{% endmacro %}{{ f() }}",
    "{% macro f(a) %}{{ varargs | join(',') }}/{% for k, v in kwargs.items() %}{{ k }}={{ v }}{% endfor %}{% endmacro %}{{ f(1, 2, 3, z=4) }}{{ f() }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=1) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, a=1) }}",
    "{% macro f(a) %}{{ a.x }}{% endmacro %}{{ f() }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f() }}|{{ f(none) }}", "{% macro f(a, a) %}{% endmacro %}", "{% macro f(a=1, b) %}{% endmacro %}", "{% macro f %}{% endmacro %}", "{% macro f() %}x", "{% macro f() %}{% break %}{% endmacro %}", "{% for i in l %}{% macro f() %}{% break %}{% endmacro %}{{ f() }}{% endfor %}",
    "{% macro type(t) %}{% if t is mapping %}{% if t.type == 'array' %}list[{{ type(t['items']) }}]{% elif t.type == 'object' %}{ {%- for k, v in t.properties.items() %}{{ k }}: {{ type(v) }}{% if not loop.last %}, {% endif %}{% endfor -%} }{% else %}{{ t.type }}{% endif %}{% else %}any{% endif %}{% endmacro %}{{ type({'type': 'array', 'items': {'type': 'object', 'properties': {'a': {'type': 'string'}, 'b': {'type': 'array', 'items': 5}}}}) }}",
    "{% if no %}{% macro g() %}no{% endmacro %}{% else %}{% macro g() %}yes{% endmacro %}{% endif %}{{ g() }}", "{% set ns = namespace(n=0) %}{% macro f() %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{% endmacro %}{{ f() }}{{ f() }}{{ ns.n }}", "{{ g() }}{% macro g() %}x{% endmacro %}", "{% macro f() %}x{% endmacro %}{% set h = f %}{{ h() }}", "{% macro f() %}a{% endmacro %}{% macro g() %}{{ f() }}b{{ f() }}{% endmacro %}{{ g() }}", "{% macro f(x) %}{% for i in x %}{{ i }}{% if i == 2 %}{% break %}{% endif %}{% endfor %}{% endmacro %}{{ f(l) }}",
    "{% macro f(message) -%}\n{%- if message.content is string -%}\n{{ message.content | trim }}\n{%- else -%}\n{%- for part in message.content -%}\n{%- if part.type == 'text' -%}{{ part.text }}{%- endif -%}\n{%- endfor -%}\n{%- endif -%}\n{%- endmacro -%}\n<{{ f({'content': '  hi '}) }}><{{ f({'content': [{'type': 'text', 'text': 'a'}, {'type': 'image'}, {'type': 'text', 'text': 'b'}]}) }}>",
    # set with a body, filter, with, generation
    "{% set x %}a{{ n }}b{% endset %}[{{ x }}]{{ x is string }}{{ x | length }}", "{% set x | upper %}abc{{ s }}{% endset %}[{{ x }}]", "{% set x | trim | replace('a', 'b') %}  aXa  {% endset %}[{{ x }}]", "{%- set x -%}\n  text \n{%- endset -%}\n[{{ x }}]", "{% set x %}\n  {% if yes %}\n  y\n  {% endif %}\n{% endset %}[{{ x }}]",
    "{% set ns = namespace(a='') %}{% set ns.a %}q{{ n }}{% endset %}{{ ns.a }}", "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}|{{ y }}", "{% for i in l %}{% set x %}{{ i }}{% endset %}{{ x }}{% endfor %}{{ x }}", "{% set x %}{% endset %}[{{ x }}]{{ 'empty' if not x }}", "{% set x %}a{% set y %}b{% endset %}{{ y }}c{% endset %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = nested[0] %}{{ a }}{{ b }}", "{% set a, b = 1, 2, 3 %}", "{% set a = 1, 2 %}{{ a | length }}", "{% set a, b %}x{% endset %}", "{% set x %}", "{% set x | %}a{% endset %}",
    "{% filter upper %}a{{ 'b' }}{% endfilter %}c", "{% filter trim | replace('a', 'x') %}  aba {% endfilter %}|", "{% for i in l %}{% filter upper %}x{{ i }}{% endfilter %}{% endfor %}", "{% filter nosuch %}a{% endfilter %}", "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% set a = 5 %}{% with a = a + 1, b = a %}{{ a }}{{ b }}{% set c = 3 %}{{ c }}{% endwith %}{{ a }}{{ c }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}", "{% for i in l %}{% with j = i %}{% if j == 3 %}{% break %}{% endif %}{{ j }}{% endwith %}{% endfor %}", "{% generation %}{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}", "{% for i in l %}{% generation %}{{ i }}{% endgeneration %}{% endfor %}", "{% for i in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    # elements
    "{{ turns | selectattr('role', 'equalto', 'user') | map(attribute='content') | join('|') }}", "{{ turns | selectattr('role', '==', 'user') | list | length }} {{ turns | rejectattr('role', 'eq', 'user') | map(attribute='role') | list | join }}", "{{ turns | selectattr('tool') | list | length }} {{ turns | rejectattr('tool') | list | length }} {{ turns | selectattr('tool', 'defined') | list | length }} {{ turns | selectattr('tool', 'undefined') | list | length }} {{ turns | selectattr('content', 'none') | list | length }} {{ turns | rejectattr('content', 'string') | list | length }}",
    "{{ (turns | selectattr('role', 'equalto', 'system') | list)[0].content }} {{ (turns | selectattr('role', 'equalto', 'system') | first).content }} {{ turns | selectattr('role', 'ne', 'user') | map(attribute='role') | unique | join(',') }}", "{{ turns | selectattr('role', 'in', ['user', 'system']) | list | length }} {{ turns | selectattr('x.y', 'gt', 1) | list | length }}", "{{ turns | map(attribute='x', default={'y': 0}) | map(attribute='y') | join(',') }} {{ turns | map(attribute='nope', default='-') | join }} {{ nested | map(attribute=1) | join }} {{ nested | map(attribute='0') | join }} {{ nested | map('first') | join }} {{ nested | map('last') | join }}",
    "{{ l | select('odd') | join }} {{ l | reject('odd') | join }} {{ l | select('divisibleby', 2) | join }} {{ l | select('>', 3) | join }} {{ l | select('in', [2, 9]) | join }} {{ [0, 1, '', 'a', none] | select | join(',') }} {{ [0, 1, '', 'a', none] | reject | join(',') }} {{ l | select('lt', 3) | list | length }} {{ l | select('ge', 3) | sort(reverse=true) | join }}", "{{ words | map('upper') | join }} {{ words | map('replace', 'a', 'x') | join }} {{ [' a ', 'b '] | map('trim') | join('|') }} {{ [1, 'é', none] | map('tojson') | join(',') }} {{ ['1', '2'] | map('int') | list | tojson }} {{ [[1, 2], [3]] | map('join', '-') | join(';') }} {{ [[2, 1], [3]] | map('length') | join }} {{ words | map('default', 'z') | join }} {{ [missing, 1] | map('default', 'z') | join }}",
    "{{ missing | map('upper') | list | length }} {{ none | map('upper') | list | length }} {{ [] | select('odd') | list | length }} {{ missing | selectattr('a') | list | length }} {{ d | map('upper') | join }} {{ 'abc' | map('upper') | join('.') }} {{ d | select('equalto', 'k') | join }}", "{% if turns | selectattr('role', 'equalto', 'nobody') %}truthy{% endif %}{% if turns | selectattr('role', 'equalto', 'nobody') | list %}x{% else %}falsy{% endif %}", "{% for t in turns | rejectattr('role', 'equalto', 'system') %}{{ loop.index }}{{ t.role }}{% if not loop.last %},{% endif %}{% endfor %}", "{% set g = l | map('string') %}{{ g | join }}|{{ g | join }}|{{ g is iterable }}{{ g is sequence }}{{ g is string }}{{ g is mapping }}", "{% set g = l | select %}{{ g | first }}{{ g | first }}{{ g | list | join }}", "{{ 2 in (l | select('even')) }}", "{{ l | reverse | list | join }} {{ (l | reverse | list)[0] }} {{ d | items | list | length }}",
    "{{ words | sort | join }} {{ ['B', 'a', 'C'] | sort | join }} {{ ['B', 'a', 'C'] | sort(case_sensitive=true) | join }} {{ l | sort(reverse=true) | join }} {{ turns | sort(attribute='role') | map(attribute='content') | join('|') }} {{ nested | sort(attribute='1', reverse=true) | map('first') | join }} {{ missing | sort | length }} {{ [2, 1.5, true] | sort | join(',') }} {{ 'cab' | sort | join }} {{ d | sort | join(',') }}", "{{ [3, 1, 3, 1.0, '3'] | unique | join(',') }} {{ ['a', 'A', 'b'] | unique | join }} {{ ['a', 'A', 'b'] | unique(case_sensitive=true) | join }} {{ turns | unique(attribute='role') | map(attribute='role') | join(',') }}", "{% for k, v in {'b': 1, 'C': 2, 'a': 3} | dictsort %}{{ k }}{{ v }}{% endfor %} {% for k, v in {'b': 1, 'C': 2, 'a': 3} | dictsort(true) %}{{ k }}{{ v }}{% endfor %} {% for k, v in {'b': 1, 'C': 2, 'a': 3} | dictsort(by='value', reverse=true) %}{{ k }}{{ v }}{% endfor %}",
    "{{ turns | join(', ', attribute='role') }} {{ nested | join('-', 1) }} {{ l | join(d='+') }}", "{{ turns | map(attribute='role') | length }}", "{{ turns | map(attribute='role') | tojson }}", "{{ turns | map(attribute='role') | last }}", "{{ l | map('nosuch') | list }}", "{{ l | select('nosuch') | list }}", "{{ l | map | list }}", "{{ turns | selectattr | list }}", "{{ l | map('upper', foo=1) | list }}", "{{ l | map(attribute='x', foo=1) | list }}", "{{ turns | map(attribute='x.y') | list | length }}", "{{ [1, 'a'] | sort }}", "{{ 5 | map('upper') | list }}", "{{ l | dictsort }}", "{{ {'a': 1} | dictsort(by='x') }}", "{{ none | sort }}", "{{ l | map(5) | list }}",
    # JSON
    "{{ 'é\u007f😀\"\\n' | tojson(ensure_ascii=true) }} {{ d | tojson(ensure_ascii=True) }} {{ u | tojson(true) }} {{ u | tojson(ensure_ascii=false) }}", "{{ d | tojson(separators=(',', ':')) }} {{ d | tojson(separators=[', ', ' = ']) }} {{ d | tojson(indent=1, separators=(';', ':')) }} {{ d | tojson(separators=none) }}", "{{ d | tojson(sort_keys=true) }} {{ {'é': 1, 'z': {'b': 1, 'a': 2}, 'Z': 3, '😀': 4, '\uffff': 5} | tojson(sort_keys=true) }} {{ d | tojson(sort_keys=true, indent=2, ensure_ascii=true) }}", "{{ l | tojson(indent='--') }} {{ d | tojson(indent='\\t') }} {{ l | tojson(indent=0) }} {{ l | tojson(indent=true) }} {{ l | tojson(indent=-1) }} {{ l | tojson(false, 3) }} {{ l | tojson(false, 1, ('|', '-')) }}", "{{ l | tojson(5.5) }} {{ l | tojson(spaces=2) }}", "{{ l | tojson(separators=5) }}", "{{ l | tojson(indent=1.5) }}", "{{ {'a': [1.0, 1e100, -0.0, 1e16, 123456789.125]} | tojson }}",
    # the date
    "{{ strftime_now is defined }}{% if strftime_now is defined %}{{ strftime_now('%d %b %Y') }}{% endif %}", "{{ strftime_now('%Y-%m-%d') }} {{ strftime_now('%A, %B %d, %Y') }} {{ strftime_now(format='%H:%M:%S') }}", "{{ strftime_now('%a %b %e %I %p %j %y %u %w %f %% %D %F %T %R %r %c %x %X %h %k %l [%Z%z]') }}", "{{ strftime_now('%-d %-m %-H %-I %-j %-M %-S %-y') }}", "{{ strftime_now('é %Y年%m月') }}{{ strftime_now('') }}{{ strftime_now('plain') }}", "{{ strftime_now() }}", "{{ strftime_now(5) }}", "{{ strftime_now('%Y', '%m') }}", "{% set date = strftime_now %}{{ date('%Y') }}",
    # loops, members and methods
    "{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}", "{% for (a, b) in nested %}{{ a }}{{ b }}{% endfor %}", "{{ range is defined }}{{ namespace is defined }}{{ raise_exception is defined }}{{ nosuch is defined }}{{ dict(a=1, b='x') | tojson }}{{ dict() | length }}", "{{ {'title': 1, 'count': 2, 'upper': 3, 'find': 4}.title }}{{ {'title': 1, 'count': 2}.count }}{{ {'upper': 3}.upper }}{{ {}.title is defined }}",
    "{{ 'hello wORLD it\\'s o-k x1y'.title() }}|{{ 'hello wORLD it\\'s o-k (a) x1y' | title }}|{{ 'hELLO wORLD'.capitalize() }}|{{ 'ǆx ßA'.capitalize() }}|{{ 'ǆx ßA'.title() }}|{{ 'ǆx ßA' | title }}", "{{ 'a\\nb\\r\\nc\\rd\\n\\n' | replace('\\r', 'R') }}{{ 'a\\nb\\r\\nc\\rd\\n\\n'.splitlines() | join('|') }} {{ ''.splitlines() | length }} {{ 'a\\n'.splitlines(true) | tojson }} {{ 'a\\r\\nb\\u2028c\\x0bd'.splitlines(True) | tojson }}",
    "{{ 'abcabc'.find('c') }} {{ 'abc'.find('x') }} {{ 'éac'.find('c') }} {{ 'abcabc'.count('bc') }} {{ 'aaa'.count('aa') }} {{ 'éa'.count('') }} {{ 'x'.find('') }} {{ ''.count('a') }}", "{{ 'a,b,c'.rsplit(',', 1) | join('|') }} {{ 'a,b,c'.rsplit(',') | join('|') }} {{ 'aaa'.rsplit('aa', 1) | join('|') }} {{ ' a  b c '.split(none, 1) | join('|') }}| {{ ' a  b c '.rsplit(none, 1) | join('|') }}| {{ ' a  b c '.split(none, 0) | join('|') }}| {{ ' a b '.split(none, 2) | join('|') }}| {{ ' a b  '.rsplit(None, 2) | join('|') }}| {{ '  '.split(none, 1) | length }} {{ 'a b'.split(maxsplit=1) | join('|') }} {{ 'a b c d'.split(' ', maxsplit=2) | join('|') }} {{ ' a  b c '.rsplit(none, 0) | join('|') }}|",
    "{{ '-'.join(['a', 'b']) }} {{ ', '.join(words | map('upper')) }} {{ ''.join([]) }} {{ '.'.join('abc') }}", "{{ '-'.join([1, 2]) }}", "{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }} {{ 'x'.removeprefix('y') }} {{ 'x'.removesuffix('') }} {{ u.removesuffix('\\u0301é') }}", "{{ 'a\\nb\\n\\nc' | indent }}|{{ 'a\\nb\\n\\nc\\n' | indent(2, true) }}|{{ 'a\\nb\\n\\nc' | indent(2, blank=true) }}|{{ 'a\\nb' | indent('> ', first=true) }}|{{ '' | indent }}|{{ 'a' | indent(first=true) }}|{{ 'a\\r\\nb' | indent(1) }}",
    "{{ 'abc' is lower }}{{ 'aBc' is lower }}{{ 'ABC1' is upper }}{{ '1' is upper }}{{ '' is lower }}{{ 3 is gt 2 }}{{ 3 is lt(2) }}{{ 3 is ge 3 }}{{ 3 is le 2 }}{{ 3 is greaterthan 2 }}{{ 'a' is lessthan 'b' }}", "{{ 'abc' is gt 1 }}", "{{ s.split('</think>')[-1].lstrip('\\n') }}{{ '<think>\\na\\n</think>\\n\\nb'.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}", "{{ turns[0]['content'][:3] }}{{ turns[-1:][0].role }}{{ turns[::-1] | map(attribute='role') | join(',') }}{{ turns[1:] | length }}",
    "{{ 'a<' | safe + 'b<' + '&' }} {{ '<\"' + ('x<' | safe) }} {{ (('<' | safe) | upper) + '<\'>' }} {{ '<' | safe ~ '<' }} {{ ('<' | safe) + ('<' | safe) }} {{ ('<' | safe) + s + ' <' }} {{ '<' | safe }}", "{{ ('<' | safe) + 1 }}", "{{ 'x' if nil | safe }}{{ (5 | safe) ~ '' }}", "{% filter length %}abc{% endfilter %}", "{{ missing | int }}", "{{ nil | indent }}", "{{ missing | indent }}", "{{ l in d }}", "{{ d in d }}", "{% set x | length %}abc{% endset %}{{ x + 1 }}",
    # what isn't supported, or isn't there, where it isn't reached
    "{% if no %}{{ n | nosuch }}{% endif %}ok", "{% if yes %}ok{% else %}{{ n | nosuch(1) }}{{ n is nosuch }}{{ s.format(1) }}{{ nosuch(1) }}{% endif %}", "{{ n | nosuch if no else 'ok' }}", "{{ 'ok' if yes else (n is nosuch) }}", "{% if no and (n is nosuch) %}{% else %}ok{% endif %}", "{% if no %}{% include 'x' %}{% import 'y' as z %}{% endif %}ok", "{% if no %}{% call f() %}x{% endcall %}{% endif %}ok", "{% if no %}{{ l[0](1) }}{{ loop.foo }}{{ x.y.z() }}{% endif %}ok", "{% if no %}{% for i in l recursive %}{{ loop(i) }}{% endfor %}{% endif %}ok", "{% if no %}{{ raise_exception('x') }}{% endif %}ok", "{% macro f() %}{{ raise_exception('x') }}{% endmacro %}ok", "{% if yes %}{{ n | nosuch }}{% endif %}", "{% if n is nosuch %}{% endif %}", "{{ n | nosuch }}", "{{ l | groupby_nosuch }}", "{% include 'x' %}", "{% if no %}{% unknowntag %}{% endif %}", "{% if no %}{{ ( }}{% endif %}", "{{ yes or nosuch(1) }}", "{% if no %}{% from 'x' import y %}{% endif %}ok", "{{ nosuch(1) }}", "{{ s.nosuch(1) }}", "{{ s(1) }}", "{{ n.x.y }}", "{% if n == 7 or nosuch.x.y %}ok{% endif %}", "{% do l.append(1) %}", "{{ l.append(6) }}", "{{ s.__class__ }}", "{{ d.update({'a': 1}) }}",
    # not Jinja
    "{{ }}", "{{ a b }}", "{% if %}{% endif %}", "{% if yes %}", "{% endif %}", "{{ 'a }}", "{{ (1 }}", "{% for in l %}{% endfor %}", "{{ 1 + }}", "{# open", "{% else %}", "{% for i in l %}{% endif %}", "{{ n | }}", "{{ n is }}", "{% set %}", "{% break %}", "{{ d. }}", "{{ [1, 2 }}", "{{ n @ 2 }}",
]


class Clock(datetime.datetime):
    """A clock that stands still, for `strftime_now`."""

    @classmethod
    def now(cls, tz=None):
        return cls(2025, 3, 9, 15, 4, 5, 678)


def record(name, template, variables):
    """What becomes of a template: its text, or the error that it ends in."""
    try:
        return {"name": name, "expected": _compile_jinja_template(template).render(**variables)}
    except Exception as error:  # noqa: BLE001: any refusal will do
        return {"name": name, "error": type(error).__name__}


def main():
    utils.datetime = Clock
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
