/// Finds text in text, scalar by scalar: an accent isn't held to be part of the letter before it.
enum ScalarSearch {
    /// Where `part` stands, from the left, as offsets of bytes; places don't overlap.
    ///
    /// It takes time as both lengths together.
    ///
    /// UTF-8 is self-synchronising, so that whole scalars are found only.
    ///
    /// - Parameters:
    ///   - part: what is searched; an empty one stands at the beginning.
    ///   - limit: most places; no limit below zero.
    static func places(of part: String, in text: String, limit: Int = -1) -> [Int] {
        let (part, text) = (Array(part.utf8), Array(text.utf8))
        guard limit != 0 else { return [] }
        guard !part.isEmpty else { return [0] }
        // Knuth, Morris and Pratt: how much of the part still matches after a mismatch behind each of its bytes.
        var borders = [Int](repeating: 0, count: part.count)
        var matched = 0
        for index in part.indices.dropFirst() {
            while matched > 0, part[index] != part[matched] { matched = borders[matched - 1] }
            if part[index] == part[matched] { matched += 1 }
            borders[index] = matched
        }
        var places: [Int] = []
        matched = 0
        for (index, byte) in text.enumerated() {
            while matched > 0, byte != part[matched] { matched = borders[matched - 1] }
            if byte == part[matched] { matched += 1 }
            guard matched == part.count else { continue }
            places.append(index + 1 - part.count)
            if places.count == limit { break }
            matched = 0
        }
        return places
    }

    /// The text between the places of `separator`, at most `limit` of them: the first, or the last.
    static func split(
        _ text: String, at separator: String, limit: Int, fromEnd: Bool = false
    ) -> [String] {
        if fromEnd, limit >= 0 {
            // Read backwards, scalar by scalar: places from the right may lie otherwise than those from the left.
            return split(reversed(text), at: reversed(separator), limit: limit).reversed().map {
                reversed($0)
            }
        }
        let bytes = Array(text.utf8)
        var parts: [String] = []
        var start = 0
        for place in places(of: separator, in: text, limit: limit) {
            parts.append(String(decoding: bytes[start..<place], as: UTF8.self))
            start = place + separator.utf8.count
        }
        return parts + [String(decoding: bytes[start...], as: UTF8.self)]
    }

    private static func reversed(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.reversed()))
    }
}

/// Whole numbers at equal distances.
enum TemplateRange {
    /// The numbers from `start` to before `end`, at most so many; whatever the numbers are, none overflows.
    static func numbers(from start: Int, to end: Int, by step: Int, limit: Int = .max) -> [Int] {
        var numbers: [Int] = []
        var next = start
        while step > 0 ? next < end : next > end, numbers.count < limit {
            numbers.append(next)
            let (sum, isOver) = next.addingReportingOverflow(step)
            if isOver { break }
            next = sum
        }
        return numbers
    }
}

/// What methods of Python's `str` make of a text.
enum PythonText {
    /// The text between white space; after `limit` cuts the rest is one, with the white space at its other end.
    static func words(of text: String, limit: Int, fromEnd: Bool) -> [String] {
        let scalars = Array(text.unicodeScalars)
        guard limit >= 0 else {
            return scalars.split(whereSeparator: \.isPythonSpace).map { string($0[...]) }
        }
        var words: [String] = []
        var rest = scalars[...]
        func trim() {
            if fromEnd {
                while let last = rest.last, last.isPythonSpace { rest.removeLast() }
            } else {
                rest = rest.drop(while: \.isPythonSpace)
            }
        }
        trim()
        while !rest.isEmpty, words.count < limit {
            let word =
                fromEnd
                ? rest.reversed().prefix { !$0.isPythonSpace }.count : rest.prefix { !$0.isPythonSpace }.count
            words.append(string(fromEnd ? rest.suffix(word) : rest.prefix(word)))
            rest = fromEnd ? rest.dropLast(word) : rest.dropFirst(word)
            trim()
        }
        if !rest.isEmpty { words.append(string(rest)) }
        return fromEnd ? words.reversed() : words
    }

    /// The lines of a text, at all line breaks of Unicode; none is behind the last one.
    static func lines(of text: String, keepsEnds: Bool = false) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { previous = scalar }
            if scalar == "\n", previous == "\r" {
                if keepsEnds { lines[lines.count - 1].unicodeScalars.append(scalar) }
                continue
            }
            let isBreak =
                (0x0A...0x0D).contains(scalar.value) || (0x1C...0x1E).contains(scalar.value)
                || [0x85, 0x2028, 0x2029].contains(scalar.value)
            if !isBreak || keepsEnds { line.append(scalar) }
            if isBreak {
                lines.append(String(line))
                line = String.UnicodeScalarView()
            }
        }
        return line.isEmpty ? lines : lines + [String(line)]
    }

    /// The first character as in a title, the others small.
    static func capitalized(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return text }
        return first.properties.titlecaseMapping + String(text.unicodeScalars.dropFirst()).lowercased()
    }

    /// Each letter as in a title where no letter stands before it, else small.
    static func title(_ text: String) -> String {
        var result = ""
        var isInside = false
        for scalar in text.unicodeScalars {
            result += isInside ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
            isInside = scalar.properties.isCased
        }
        return result
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        String(String.UnicodeScalarView(scalars))
    }
}
