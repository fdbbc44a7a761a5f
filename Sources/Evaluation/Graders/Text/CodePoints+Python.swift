/// Python's ideas of white space, digits and case.
extension Unicode.Scalar {
    /// `str.isspace`, which is also `\s` of `re`.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
            0x3000:
            true
        default: false
        }
    }

    /// `str.isdecimal`: a digit of any script that counts in tens.
    var isPythonDecimal: Bool { properties.numericType == .decimal }

    /// `str.isdigit`: superscripts and the like too.
    var isPythonDigit: Bool { isPythonDecimal || properties.numericType == .digit }

    /// `\w` of `re`.
    var isPythonWord: Bool {
        if self == "_" || properties.numericType != nil { return true }
        return switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    /// `[0-9]`.
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

extension CodePoints {
    /// `str.strip()`.
    func stripped() -> CodePoints {
        guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
            let last = scalars.lastIndex(where: { !$0.isPythonSpace })
        else { return "" }
        return self[first..<(last + 1)]
    }

    /// `str.lower()`.
    func lowercased() -> CodePoints {
        var lower: [Unicode.Scalar] = []
        for (index, scalar) in scalars.enumerated() {
            if scalar == "Σ" {
                lower.append(isFinalSigma(at: index) ? "ς" : "σ")
            } else {
                lower += scalar.properties.lowercaseMapping.unicodeScalars
            }
        }
        return CodePoints(lower)
    }

    /// Whether the sigma ends a word: a letter with case before it and none behind it.
    private func isFinalSigma(at index: Int) -> Bool {
        let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
        let behind = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return before?.properties.isCased == true && behind?.properties.isCased != true
    }

    /// Whether `int()` reads it in base ten.
    var isPythonInteger: Bool {
        // Only white space beyond ASCII is taken for a space; the separators 1C to 1F, which `strip` removes, aren't.
        func isSpace(_ scalar: Unicode.Scalar) -> Bool {
            scalar.isPythonSpace && !(0x1C...0x1F).contains(scalar.value)
        }
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return false }
        var digits = scalars[first...last]
        // not text: scalars
        if digits.first == "+" || digits.first == "-" { digits.removeFirst() }
        var count = 0
        var canGoOn = false
        for scalar in digits {
            if scalar.isPythonDecimal {
                count += 1
                canGoOn = true
            } else if scalar == "_", canGoOn {
                canGoOn = false
            } else {
                return false
            }
        }
        // More digits than that are refused to keep the quadratic conversion short.
        return canGoOn && count <= 4300
    }
}
