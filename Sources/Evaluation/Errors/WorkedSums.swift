/// The sums and totals that a response to a word problem writes, in either order of a sum.
struct WorkedSums {
    /// A run of digits.
    struct Number {
        let digits: String
        /// Which words of the response it is.
        let words: Range<Int>
        /// Nil where it is longer than any total.
        var value: Int? { digits.utf8.count <= 4 ? Int(digits) : nil }
    }

    /// `left sign right = result`, or the result first.
    struct Sum {
        let left: Number
        let sign: String
        let right: Number
        let result: Number
        /// The number that was written last.
        let last: Number
    }

    private enum Item {
        case number(Number)
        case word(String)
    }

    /// In the order of the response.
    let sums: [Sum]
    /// An `=` is part of no whole sum, or there is a sum without any; true only if it isn't the end of the response
    /// that cut it.
    let isMalformed: Bool
    /// The total of the last sentence before `####` that has a number: the result of its sum, or its last number.
    let lastTotal: Int?

    init(_ response: ResponseWords) {
        let items = Self.items(response.words)
        var sums: [Sum] = []
        var isMalformed = false
        for (place, item) in items.enumerated() where Self.text(item) == "=" {
            if let sum = Self.sum(items, at: place) {
                sums.append(sum)
            } else if !response.hasEnd || !Self.isBeginning(items, at: place) {
                isMalformed = true
            }
        }
        self.sums = sums
        self.isMalformed = isMalformed
        lastTotal = Self.lastTotal(items)
    }

    private static func items(_ words: [String]) -> [Item] {
        var items: [Item] = []
        for (place, word) in words.enumerated() {
            guard isDigits(word) else {
                items.append(.word(word))
                continue
            }
            // Digits are tokens of their own.
            if case .number(let number)? = items.last {
                items[items.count - 1] = .number(
                    Number(digits: number.digits + word, words: number.words.lowerBound..<place + 1))
            } else {
                items.append(.number(Number(digits: word, words: place..<place + 1)))
            }
        }
        return items
    }

    /// Whether a word is nothing but ASCII digits.
    static func isDigits(_ word: String) -> Bool { word.utf8.allSatisfy { (0x30...0x39).contains($0) } }

    private static func text(_ item: Item) -> String? {
        if case .word(let word) = item { word } else { nil }
    }

    private static func number(_ items: [Item], _ place: Int) -> Number? {
        guard items.indices.contains(place), case .number(let number) = items[place] else { return nil }
        return number
    }

    private static func sign(_ items: [Item], _ place: Int) -> String? {
        guard items.indices.contains(place), let word = text(items[place]) else { return nil }
        return word == "+" || word == "-" ? word : nil
    }

    /// Whether the response ends within the sum that this `=` belongs to.
    private static func isBeginning(_ items: [Item], at equals: Int) -> Bool {
        guard number(items, equals - 1) != nil else { return false }
        switch items.count - equals - 1 {
        case 0: return true
        case 1: return sign(items, equals - 2) == nil && number(items, equals + 1) != nil
        case 2:
            return sign(items, equals - 2) == nil && number(items, equals + 1) != nil
                && sign(items, equals + 2) != nil
        default: return false
        }
    }

    private static func sum(_ items: [Item], at equals: Int) -> Sum? {
        func number(_ place: Int) -> Number? { Self.number(items, place) }
        func sign(_ place: Int) -> String? { Self.sign(items, place) }
        guard let before = number(equals - 1), let after = number(equals + 1) else { return nil }
        if let sign = sign(equals - 2), let left = number(equals - 3) {
            return Sum(left: left, sign: sign, right: before, result: after, last: after)
        }
        if let sign = sign(equals + 2), let right = number(equals + 3) {
            return Sum(left: after, sign: sign, right: right, result: before, last: right)
        }
        return nil
    }

    private static func lastTotal(_ items: [Item]) -> Int? {
        let marker = items.lastIndex { text($0) == "####" } ?? items.count
        var sentence = items[..<marker]
        while !sentence.isEmpty {
            let start = sentence.lastIndex { text($0) == "." } ?? sentence.startIndex - 1
            let last = sentence[(start + 1)...]
            sentence = sentence[..<max(start, sentence.startIndex)]
            let numbers = last.compactMap { item -> Number? in
                if case .number(let number) = item { number } else { nil }
            }
            guard let number = numbers.last else { continue }
            guard let equals = last.firstIndex(where: { text($0) == "=" }) else { return number.value }
            return sum(items, at: equals)?.result.value
        }
        return nil
    }
}
