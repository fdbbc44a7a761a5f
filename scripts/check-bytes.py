#!/usr/bin/env python3
"""Finds text in Sources that is compared, searched, cut or measured by Character where others read bytes.

    scripts/check-bytes.py [FOLDER OR FILE…]      # Sources, unless something else is named

Swift's String compares grapheme clusters: "/" beside a combining mark is one Character that isn't "/", but the kernel, a
shell, curl and a browser see the "/". ByteText (module Base) compares bytes; unicodeScalars and utf8 are right too.

A line that means Characters, or an array, says so and why at its end or on the line above:

    // not text: an array of names
    // by Character: columns as a reader counts them

Exits with 1 where it finds something.
"""
import os
import re
import sys

ALLOWED = re.compile(r"//\s*(not text|by Character): \S")

# One character between quotes, escapes included.
SIGN = r'"(?:[^"\\]|\\["\\nrt0]|\\u\{[0-9A-Fa-f]+\}|\\r\\n)"'

# Comparisons in closures: right where the statement goes by scalars or bytes.
LENIENT = re.compile(r"\b(?:unicodeScalars|utf8|bytes|scalars|byteText)\b")

# What holds bytes, scalars or ByteText just before a method's name.
EXACT = re.compile(
    r"(?:\.byteText|\.asciiLowercased|\.trimmed|\.utf8|\.bytes|\.unicodeScalars|\.scalars|\.before|\.after"
    r"|\.dropFirst\(\d*\)|\.dropLast\(\d*\)|\.reversed\(\)|\.text\.unicodeScalars|\)\.bytes)\s*$")

CUT = "cut ByteText: text.byteText.split(…), .cut(at:), .words, .lines"
RULES = [
    (r"\.(?:hasPrefix|hasSuffix)\b", "use text.byteText.hasPrefix(…), or .dropping(prefix:)"),
    (r"\.split\((?:separator:(?! *(?:UInt8|newline\b))|[^()]*whereSeparator:)|\.split *\{|\.split\(omitting", CUT),
    (r"\.replacing\((?!_)", "use text.byteText.replacing(_:with:)"),
    (r"\.contains\((?:of: )?#?\"", "use text.byteText.contains(…)"),
    (r"\.contains\((?:character|char)\)", "compare scalars"),
    (r"\.(?:firstIndex|lastIndex)\(of: *" + SIGN, CUT),
    (r"\.(?:firstRange|ranges)\(of: |\.range\(of: *\"|\.(?:trimmingPrefix|trimmingCharacters)\(", CUT),
    (r"\.(?:first|last) [!=]= " + SIGN, "compare text.utf8.first with UInt8(ascii:)"),
    (r"\.(?:prefix|drop|filter|first|last|firstIndex|lastIndex|count|contains|allSatisfy|split|map|removeAll)"
     r"(?:\((?:while|where): )? ?\{ ?!?\(?\$0 [!=]= " + SIGN, "compare text.unicodeScalars or text.utf8"),
    (r"(?<!properties)(?<!scalar)\.(?:isNewline|isWhitespace|isLetter|isNumber|isHexDigit|isPunctuation)\b",
     "ask a scalar's properties, or compare bytes"),
    (r"for (?:character|char) in ", "loop over text.unicodeScalars"),
    (r"\.components\(separatedBy", CUT),
]
RULES = [(re.compile(pattern), hint) for pattern, hint in RULES]

# A length that decides whether a text is what it should be; one that is compared with a width is for readers.
LENGTH = re.compile(r"(?<![\w.)\]])(?:self\.)?(\w+)(\[[^\]]*\])?\.count [!=]= \d")
LENGTH_OF_TEXT = re.compile(r"\.(?:text|string|validText|trimmed\.text)\??\.count [!=]= \d")


def text_names(text):
    """Names in a file that hold a String, and names that hold a list of them, as far as their declarations tell."""
    texts, lists = set(), set()
    for match in re.finditer(r"\b(\w+): (?:inout )?(\[?)(?:String|Substring)\b\]?\??(?=[\s,)={])", text):
        (lists if match[2] else texts).add(match[1])
    for match in re.finditer(r"\b(?:let|var) (\w+) = ([^\n]*)", text):
        value = re.sub(r"[,;]?\s*(?:else \{.*)?$", "", match[2])
        if re.search(r"map\((?:\\\.text|String\.init|\\\.string)\)$", value):
            lists.add(match[1])
        elif re.search(r"\.(?:text|string|validText|description)$", value) or re.match(r'String\(|"[^"]*"$', value):
            texts.add(match[1])
    return texts - lists, lists - texts


def lengths(code, texts, lists, exact):
    """Checks of the length of a text in Characters."""
    for match in LENGTH.finditer(code):
        is_text = match[1] in lists and ".." not in match[2] if match[2] else match[1] in texts - exact
        if is_text:
            yield match.group()
    for match in LENGTH_OF_TEXT.finditer(code):
        yield match.group()


def exact_names(text):
    """Names in a file that hold ByteText, bytes, scalars or code points, as far as their declarations tell."""
    names = set()
    kinds = r"\[?(?:ByteText|CodePoints|UInt8|Unicode\.Scalar|Int|CodePoints)\b"
    for match in re.finditer(r"\b(\w+): (?:inout )?(?:ArraySlice<)?" + kinds, text):
        names.add(match[1])
    declared = re.compile(r"\b(?:let|var|for|in) \(?(\w+)(?:, (\w+))?\)?(?: in | = )(?=([^\n]*))")
    # Twice, for what is made from what was found.
    for _ in range(2):
        for match in declared.finditer(text):
            # What follows in the same condition is about something else.
            value = re.split(r", (?=!?[a-z]\w*[.?\[])", match[3])[0]
            root = re.match(r"(?:try |\()*(?:self\.|Self\.)?(\w+)", value)
            holds = root and root[1] in names or re.search(
                r"\b(?:byteText|ByteText|CodePoints|UInt8|unicodeScalars|utf8|asciiLowercased|dropping|cut)\b", value)
            is_else = re.search(
                r"\.text\b[^(]*$|map\(\\\.text\)|\.(?:hasPrefix|hasSuffix|contains)\(|map\(String\.init\)", value)
            if holds and not is_else:
                names.update(name for name in match.groups()[:2] if name)
        for match in re.finditer(r"\b(\w+)\.\w+\(?\{ (\w+) in\b", text):
            if match[1] in names:
                names.add(match[2])
    return names


def is_exact(before, names):
    """Whether what stands before a method's dot is ByteText, bytes, scalars or code points."""
    while True:
        if EXACT.search(before):
            return True
        if re.search(r"\$[0-9]$", before):
            return bool(LENIENT.search(before)) or any(word in names for word in re.findall(r"\w+", before))
        name = re.search(r"(\w+)(?:\[[^\]]*\])?\??$", before)
        if name:
            return name[1] in names
        if not before.endswith(")"):
            return False
        # A call before it gives what its receiver is, unless it makes something else.
        depth, place = 0, len(before)
        while place > 0:
            place -= 1
            depth += {")": 1, "(": -1}.get(before[place], 0)
            if depth == 0:
                break
        called = re.search(r"\.(\w+)$", before[:place])
        if not called or called[1] in ("map", "compactMap", "joined", "text"):
            return False
        before = before[: called.start()]


def without_comment(line):
    """The line up to a comment; the text of strings stays."""
    quoted, place = False, 0
    while place < len(line):
        if quoted and line[place] == "\\":
            place += 1
        elif line[place] == '"':
            quoted = not quoted
        elif not quoted and line.startswith("//", place):
            return line[:place]
        place += 1
    return line


def findings(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    names, is_block, allowed, above = exact_names(text), False, False, ""
    texts, lists = text_names(text)
    for number, line in enumerate(text.split("\n"), 1):
        was_block = is_block
        if line.count('"""') % 2:
            is_block = not is_block
        if was_block or is_block:
            continue
        if ALLOWED.search(line):
            allowed = True
            if line.lstrip().startswith("//"):
                continue
        code = without_comment(line)
        if not allowed and not line.lstrip().startswith("//"):
            # A call that goes on in the next line belongs to what stands above it.
            start = above if line.lstrip().startswith(".") else ""
            for pattern, hint in RULES:
                for match in pattern.finditer(code):
                    before = start + code[: match.start()].strip()
                    if is_exact(before, names):
                        continue
                    if hint.startswith("compare") and LENIENT.search(before):
                        continue
                    if "(" not in match.group() and hint.startswith("ask") and LENIENT.search(before):
                        continue
                    yield number, match.group().strip(), hint
            for what in lengths(code, texts, lists, names):
                yield number, what.strip(), "count text.utf8"
            above = start + code.strip()
        allowed = False


def main():
    places = sys.argv[1:] or [os.path.join(os.path.dirname(__file__), "..", "Sources")]
    files = []
    for place in places:
        if os.path.isfile(place):
            files.append(place)
        for folder, _, names in os.walk(place):
            files += [os.path.join(folder, name) for name in names if name.endswith(".swift")]
    count = 0
    for path in sorted(files):
        if os.path.join("Sources", "Base", "") in path:
            continue
        for number, what, hint in findings(path):
            print(f"{os.path.relpath(path)}:{number}: {what} compares by Character; {hint}")
            count += 1
    if not files:
        sys.exit("There are no Swift files in " + ", ".join(places))
    if count:
        sys.exit(f"{count} places go by Character where bytes decide.")
    print(f"{len(files)} files compare text by bytes.")


if __name__ == "__main__":
    main()
