/// The steps that a response to a Countdown problem writes.
///
/// The form is strict: eight ASCII characters a step beside white space, `dd+dd=dd`, nothing in between. So nothing in it
/// can nest, overflow or be read in two ways.
struct CountdownResponse {
    struct Step {
        let a: Int
        let sign: Character
        let b: Int
        let result: Int
        /// Which words the two digits of the result are.
        let resultWords: [Int]
    }

    /// The whole steps.
    let steps: [Step]
    /// What stands behind them has the form of the beginning of a step; empty too.
    let isWellFormed: Bool
    /// Characters behind the last whole step.
    let rest: Int

    init(_ response: ResponseWords) {
        let bytes = response.bytes
        var steps: [Step] = []
        var place = 0
        while place + 8 <= bytes.count, let step = Self.step(bytes[place..<place + 8]) {
            steps.append(step)
            place += 8
        }
        self.steps = steps
        rest = bytes.count - place
        isWellFormed =
            rest < 8 && zip(bytes[place...], 0...).allSatisfy { Self.fits($0.byte, at: $1) }
    }

    /// How far the steps are right: each takes two numbers that are there and states what they make.
    enum Course {
        /// The last result; nil for no step.
        case right(last: Int?)
        /// A number that isn't there, or is no longer.
        case wrongOperand(Step)
        case wrongResult(Step)
    }

    func course(from numbers: [Int]) -> Course {
        var left = numbers
        for step in steps {
            for operand in [step.a, step.b] {
                guard let place = left.firstIndex(of: operand) else { return .wrongOperand(step) }
                left.remove(at: place)
            }
            guard Countdown.result(step.a, step.sign, step.b) == step.result else {
                return .wrongResult(step)
            }
            left.append(step.result)
        }
        return .right(last: steps.last?.result)
    }

    private static func step(_ bytes: ArraySlice<ResponseWords.Byte>) -> Step? {
        let all = Array(bytes)
        guard zip(all, 0...).allSatisfy({ fits($0.byte, at: $1) }) else { return nil }
        func number(_ place: Int) -> Int {
            Int(all[place].byte - 0x30) * 10 + Int(all[place + 1].byte - 0x30)
        }
        return Step(
            a: number(0), sign: Character(Unicode.Scalar(all[2].byte)), b: number(3), result: number(6),
            resultWords: [all[6].word, all[7].word])
    }

    private static func fits(_ byte: UInt8, at place: Int) -> Bool {
        switch place {
        case 2: "+-*/".utf8.contains(byte)
        case 5: byte == UInt8(ascii: "=")
        default: (0x30...0x39).contains(byte)
        }
    }
}
