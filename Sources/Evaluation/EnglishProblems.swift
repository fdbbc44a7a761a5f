internal import Numerics

/// Generated word problems in ordinary English, written as GSM8K writes its own (arXiv 2110.14168): people, things and
/// places, two to four steps, a worked answer with a sum in each sentence (`12+5=17`), and `####` before the result.
///
/// They are for language models with tokenizers of their own. ``WordProblems`` has a hundred words and one kind of step;
/// here there are about six hundred, sums, differences, products and quotients, and questions about somebody else's things.
/// Problem `i` of a split depends on the seed, the split and `i` only (for the test split also on the problems before it).
package struct EnglishProblems: ProblemSource {
    /// How many sums a worked answer has, from least to most; each number as likely as the others.
    package let sums: ClosedRange<Int>
    /// How long a worked answer may be, see ``pieces(of:)``.
    package let longest: Int
    /// The seed of all random draws.
    package let seed: UInt64

    /// No total is larger: all have one or two digits.
    static let largest = 99
    /// What is added or taken away at a time: numbers small enough that a few thousand problems have all sums.
    static let changes = 2..<13

    /// - Parameters:
    ///   - sums: 1 to 4 of them.
    ///   - longest: how long a worked answer may be, see ``pieces(of:)``; at least 20.
    package init(sums: ClosedRange<Int> = 2...4, longest: Int = 56, seed: UInt64) {
        precondition(sums.lowerBound >= 1 && sums.upperBound <= 4, "one to four sums")
        self.sums = sums
        self.longest = longest
        self.seed = seed
    }

    package func problems(_ split: ProblemSplit, count: Int) throws -> [Problem] {
        try ProblemDraws.problems("english-problems", seed: seed, split, count: count) { random in
            let wanted = random.nextInt(in: sums.lowerBound..<(sums.upperBound + 1))
            var story = EnglishStory(&random)
            story.tell(sums: wanted, &random)
            guard story.sums == wanted, Self.pieces(of: story.draft.response) <= longest else { return nil }
            return story.draft
        }
    }

    /// About as many tokens as a checkpoint's tokenizer makes of a text: words with the space before them, digits, spaces
    /// before digits, and all else byte by byte.
    ///
    /// SmolLM2's makes one more of some names at the beginning of a line.
    package static func pieces(of text: String) -> Int {
        var (count, last) = (0, UInt8(0))
        func isLetter(_ byte: UInt8) -> Bool {
            (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        for byte in text.utf8 {
            let isDigitBehindSpace = last == 0x20 && (0x30...0x39).contains(byte)
            if isDigitBehindSpace { count += 1 }
            if byte != 0x20, !(isLetter(byte) && isLetter(last)) { count += 1 }
            last = byte
        }
        return count
    }
}

/// A problem while it is told: what was said, what was computed, and how many things somebody has by then.
private struct EnglishStory {
    private let person: EnglishWords.Person
    private let friend: EnglishWords.Person
    private let things: String
    private let kind: EnglishWords.Kind
    private var total = 0
    /// What the question says, sentence by sentence.
    private var said: [String] = []
    /// The sentences of the worked answer.
    private var worked: [String] = []
    private var steps: [Problem.Step] = []
    private(set) var sums = 0

    init(_ random: inout RandomStream) {
        let people = EnglishWords.people
        let who = random.nextInt(in: 0..<people.count)
        let other = random.nextInt(in: 0..<(people.count - 1))
        person = people[who]
        friend = people[other < who ? other : other + 1]
        kind = EnglishWords.Kind.allCases[random.nextInt(in: 0..<EnglishWords.Kind.allCases.count)]
        things = random.pick(kind.things)
    }

    var draft: ProblemDraws.Draft {
        ProblemDraws.Draft(
            question: said.joined(separator: " "),
            response: (worked + ["#### \(total)"]).joined(separator: "\n"), answer: total,
            rules: .finalNumber,
            steps: steps)
    }

    private var he: String { person.pronoun }
    private var capital: String { person.pronoun == "he" ? "He" : "She" }
    private var him: String { person.pronoun == "he" ? "him" : "her" }

    /// Tells a story whose answer takes `wanted` sums; where numbers don't allow it, one of fewer.
    mutating func tell(sums wanted: Int, _ random: inout RandomStream) {
        begin(mayMultiply: wanted > 1, &random)
        while sums < wanted - 1 {
            let before = sums
            for _ in 0..<20 where sums == before { happen(room: wanted - 1 - sums, &random) }
            if sums == before { return }
        }
        for _ in 0..<20 where sums < wanted { end(&random) }
    }

    // MARK: What happens

    private mutating func begin(mayMultiply: Bool, _ random: inout RandomStream) {
        let place = random.pick(kind.places)
        if mayMultiply, random.nextInt(in: 0..<4) == 0 {
            let (boxes, each) = (random.nextInt(in: 2..<7), random.nextInt(in: 3..<11))
            let box = random.pick(EnglishWords.boxes)
            total = boxes * each
            sums += 1
            said.append(
                random.pick([
                    "\(person.name) has \(boxes) \(box) with \(each) \(things) in each.",
                    "There are \(each) \(things) in each of \(person.name)'s \(boxes) \(box).",
                    "\(person.name) bought \(boxes) \(box) of \(each) \(things) \(place).",
                ]))
            worked.append(
                random.pick([
                    "\(person.name) has \(boxes)*\(each)=\(total) \(things) at first.",
                    "The \(box) hold \(boxes)*\(each)=\(total) \(things).",
                    "There are \(boxes)*\(each)=\(total) \(things) at first.",
                ]))
        } else {
            total = random.nextInt(in: 5..<61)
            said.append(
                random.pick([
                    "\(person.name) has \(total) \(things).",
                    "\(person.name) bought \(total) \(things) \(place).",
                    "There are \(total) \(things) in \(person.name)'s \(random.pick(EnglishWords.stores)).",
                    "\(person.name) collected \(total) \(things) for \(random.pick(EnglishWords.occasions)).",
                    "\(random.pick(EnglishWords.times)), \(person.name) had \(total) \(things).",
                ]))
        }
    }

    /// One event in the middle: more, fewer, whole boxes more, or half of them.
    private mutating func happen(room: Int, _ random: inout RandomStream) {
        switch random.nextInt(in: 0..<8) {
        case 0...2: gain(&random)
        case 3...5: lose(&random)
        case 6: if room >= 2 { gainBoxes(&random) }
        default: halve(&random)
        }
    }

    private mutating func gain(_ random: inout RandomStream) {
        let more = random.nextInt(in: EnglishProblems.changes)
        guard total + more <= EnglishProblems.largest else { return }
        let place = random.pick(kind.places)
        let when = random.pick(EnglishWords.times)
        said.append(
            random.pick([
                "\(capital) \(random.pick(kind.getting)) \(more) more \(place).",
                "\(when), \(he) \(random.pick(kind.getting)) \(more) more \(things).",
                "\(friend.name) gave \(him) \(more) more.",
                "Then \(he) got another \(more) from \(random.pick(EnglishWords.relatives(of: person))).",
            ]))
        work(total + more, "\(total)+\(more)", left: false, &random)
    }

    private mutating func lose(_ random: inout RandomStream) {
        let fewer = random.nextInt(in: EnglishProblems.changes)
        guard total - fewer >= 2 else { return }
        let place = random.pick(kind.places)
        let when = random.pick(EnglishWords.times)
        said.append(
            random.pick([
                "\(capital) \(random.pick(kind.losing)) \(fewer) of them.",
                "\(when), \(he) \(random.pick(kind.losing)) \(fewer) \(things).",
                "\(capital) gave \(fewer) of them to \(friend.name).",
                "\(capital) sold \(fewer) of them \(place).",
                "Then \(he) gave \(fewer) \(things) to \(random.pick(EnglishWords.relatives(of: person))).",
            ]))
        work(total - fewer, "\(total)-\(fewer)", left: true, &random)
    }

    private mutating func gainBoxes(_ random: inout RandomStream) {
        let (boxes, each) = (random.nextInt(in: 2..<6), random.nextInt(in: 2..<10))
        guard total + boxes * each <= EnglishProblems.largest else { return }
        let box = random.pick(EnglishWords.boxes)
        said.append(
            random.pick([
                "\(capital) bought \(boxes) \(box) with \(each) \(things) in each.",
                "Then \(he) got \(boxes) more \(box) of \(each) \(things) from \(friend.name).",
            ]))
        worked.append(
            random.pick([
                "The \(box) hold \(boxes)*\(each)=\(boxes * each) \(things).",
                "There are \(boxes)*\(each)=\(boxes * each) \(things) in the \(box).",
            ]))
        sums += 1
        work(total + boxes * each, "\(total)+\(boxes * each)", left: false, &random)
    }

    private mutating func halve(_ random: inout RandomStream) {
        guard total.isMultiple(of: 2), total >= 8 else { return }
        said.append(
            random.pick([
                "\(capital) gave half of them to \(friend.name).",
                "\(capital) \(random.pick(kind.losing)) half of them.",
            ]))
        work(total / 2, "\(total)/2", left: true, &random)
    }

    /// A sum about what the person has.
    private mutating func work(_ result: Int, _ sum: String, left: Bool, _ random: inout RandomStream) {
        worked.append(
            left
                ? random.pick([
                    "\(person.name) has \(sum)=\(result) left.", "Then \(he) has \(sum)=\(result).",
                    "That leaves \(sum)=\(result) \(things).",
                ])
                : random.pick([
                    "\(person.name) has \(sum)=\(result) now.", "Then \(he) has \(sum)=\(result) \(things).",
                    "That makes \(sum)=\(result).",
                ]))
        step(to: result)
    }

    private mutating func step(to result: Int) {
        steps.append(Problem.Step(day: "", change: result - total, total: result))
        total = result
        sums += 1
    }

    // MARK: What is asked

    /// The last sum, with the question.
    private mutating func end(_ random: inout RandomStream) {
        switch random.nextInt(in: 0..<10) {
        case 0...2: endPlainly(&random)
        case 3: share(&random)
        case 4: sell(&random)
        case 5, 6: together(&random)
        case 7: times(&random)
        default: compare(&random)
        }
    }

    private mutating func endPlainly(_ random: inout RandomStream) {
        let before = sums
        if random.nextInt(in: 0..<2) == 0 { gain(&random) } else { lose(&random) }
        guard sums > before else { return }
        said.append(
            random.pick([
                "How many \(things) does \(person.name) have now?",
                "How many \(things) does \(he) have in the end?",
                "How many \(things) are there now?",
            ]))
    }

    private mutating func share(_ random: inout RandomStream) {
        let parts = random.nextInt(in: 2..<7)
        guard total.isMultiple(of: parts), total / parts >= 2 else { return }
        let box = random.pick(EnglishWords.boxes)
        if random.nextInt(in: 0..<2) == 0 {
            said.append(
                "\(capital) puts them into \(parts) \(box), the same number in each. How many \(things) are in each?"
            )
            worked.append("Each of the \(box) has \(total)/\(parts)=\(total / parts) \(things).")
        } else {
            said.append(
                "\(capital) shares them equally among \(parts) \(random.pick(EnglishWords.groups)). How many \(things) does each get?"
            )
            worked.append("Each gets \(total)/\(parts)=\(total / parts) \(things).")
        }
        step(to: total / parts)
    }

    private mutating func sell(_ random: inout RandomStream) {
        let price = random.nextInt(in: 2..<6)
        guard total * price <= EnglishProblems.largest else { return }
        said.append(
            random.pick([
                "\(capital) sells all of them for $\(price) each. How many dollars does \(he) get?",
                "If \(he) sells each for \(price) dollars, how much money does \(he) make?",
            ]))
        worked.append("\(person.name) gets \(total)*\(price)=\(total * price) dollars.")
        step(to: total * price)
    }

    private mutating func together(_ random: inout RandomStream) {
        let other = random.nextInt(in: 3..<31)
        guard total + other <= EnglishProblems.largest else { return }
        said.append(
            random.pick([
                "\(friend.name) has \(other) \(things). How many do they have together?",
                "Together with \(friend.name), who has \(other), how many \(things) do they have?",
            ]))
        worked.append("Together they have \(total)+\(other)=\(total + other) \(things).")
        step(to: total + other)
    }

    private mutating func times(_ random: inout RandomStream) {
        let factor = random.nextInt(in: 2..<5)
        guard total * factor <= EnglishProblems.largest else { return }
        let words = ["twice", "three times", "four times"][factor - 2]
        said.append(
            "\(friend.name) has \(words) as many \(things) as \(person.name). How many does \(friend.name) have?"
        )
        worked.append("\(friend.name) has \(total)*\(factor)=\(total * factor) \(things).")
        step(to: total * factor)
    }

    private mutating func compare(_ random: inout RandomStream) {
        let other = random.nextInt(in: EnglishProblems.changes)
        switch random.nextInt(in: 0..<3) {
        case 0:
            guard total + other <= EnglishProblems.largest else { return }
            said.append(
                "\(friend.name) has \(other) \(things) more than \(person.name). How many does \(friend.name) have?"
            )
            worked.append("\(friend.name) has \(total)+\(other)=\(total + other) \(things).")
            step(to: total + other)
        case 1:
            guard total - other >= 2 else { return }
            said.append(
                "\(friend.name) has \(other) \(things) fewer than \(person.name). How many does \(friend.name) have?"
            )
            worked.append("\(friend.name) has \(total)-\(other)=\(total - other) \(things).")
            step(to: total - other)
        default:
            guard total - other >= 2 else { return }
            said.append(
                "\(friend.name) has \(other) \(things). How many more does \(person.name) have than \(friend.name)?"
            )
            worked.append("\(person.name) has \(total)-\(other)=\(total - other) more than \(friend.name).")
            step(to: total - other)
        }
    }
}
