import Documents
import JSON
import Testing

@testable import Decoding

/// An option is taken only where the others let it have an effect.
@Suite struct UnusedOptionsTests {
    /// A setting of a method, an option, and whether that has an effect there.
    struct Case: Sendable, CustomTestStringConvertible {
        let method: String
        let values: [String: JSONValue]
        let option: String
        let isUsed: Bool

        init(_ method: String, _ values: [String: JSONValue], _ option: String, _ isUsed: Bool) {
            self.method = method
            self.values = values
            self.option = option
            self.isUsed = isUsed
        }

        var testDescription: String { "\(method) \(values) \(option)" }
    }

    static let blockwise = [
        "vanilla", "entropy", "fast-dllm", "fast-dllm-prefix-cache", "fast-dllm-dual-cache",
        "fast-dllm-dream-prefix-cache", "fast-dllm-dream-dual-cache", "dinfer", "dinfer-prefix-cache",
        "dinfer-dual-cache",
    ]

    /// What each rule of the block-wise methods looks at, whatever the method.
    static let byRule: [Case] = blockwise.flatMap { method in
        [
            ("scheduled", ["steps"]), ("confidence", ["threshold"]), ("entropy", ["threshold"]),
            ("entropyBelow", ["threshold"]), ("factor", ["factor", "factorLast"]),
        ].flatMap { rule, used in
            ["steps", "threshold", "factor", "factorLast"].map {
                Case(method, ["rule": .string(rule)], $0, used.contains($0))
            }
        }
    }

    static let others: [Case] = [
        Case("vanilla", [:], "threshold", false), Case("dinfer", [:], "threshold", false),
        Case("dinfer", [:], "factor", true), Case("fast-dllm", [:], "threshold", true),
        Case("fast-dllm", [:], "remasking", false), Case("vanilla", [:], "remasking", true),
        Case("dinfer", [:], "earlyStopStyle", false),
        Case("dinfer", ["earlyStop": .bool(true)], "earlyStopStyle", true),
        Case("vanilla", [:], "topK", true), Case("vanilla", ["remasking": .string("random")], "topK", false),
        Case("vanilla", ["remasking": .string("random"), "temperature": .number(1)], "topK", true),
        Case("dream", [:], "threshold", false), Case("dream", [:], "lastTime", true),
        Case("dream", [:], "orderTemperature", true), Case("dream", [:], "topP", true),
        Case("dream", ["rule": .string("threshold")], "threshold", true),
        Case("dream", ["rule": .string("threshold")], "lastTime", false),
        Case("dream", ["rule": .string("threshold")], "orderTemperature", false),
        Case("dream", ["rule": .string("random")], "orderTemperature", false),
        Case("dream", ["rule": .string("random")], "topP", false),
        Case("dream", ["rule": .string("random"), "temperature": .number(1)], "topP", true),
        Case("autoregressive", [:], "topP", false),
        Case("autoregressive", ["temperature": .number(0.5)], "topP", true),
        Case("multi-block", [:], "snapshot", true),
        Case("multi-block", ["earlyStop": .bool(false)], "snapshot", false),
        Case("multi-block", [:], "globalBest", true), Case("multi-block", [:], "thresholdTies", true),
        Case("multi-block", ["family": .string("dream")], "globalBest", false),
        Case("multi-block", ["family": .string("dream")], "thresholdTies", false),
        Case("multi-block", ["family": .string("dream")], "duplicateKeys", false),
        Case("multi-block", [:], "boundaryRow", false), Case("multi-block-cache", [:], "boundaryRow", true),
        Case("multi-block-cache", [:], "duplicateKeys", false),
        Case("multi-block-cache", ["family": .string("dream")], "duplicateKeys", true),
        Case("d2f", [:], "skipThreshold", true), Case("d2f", [:], "idleEvaluation", true),
    ]

    @Test(arguments: byRule + others)
    func anOptionWithoutAnEffectIsRefused(_ item: Case) throws {
        let method = try DecodingMethod.named(item.method)
        let parameter = try #require(method.options.first { $0.key == item.option })
        // Whatever value is given, the default too.
        for value in Self.values(of: parameter) {
            let values = item.values.merging([item.option: value]) { $1 }
            #expect(method.unused(values) == (item.isUsed ? [] : [item.option]))
            do throws(DecodingError) {
                _ = try method.setup(values)
                #expect(item.isUsed)
            } catch {
                #expect(!item.isUsed, "\(error)")
                #expect(error.problems.count == 1)
                #expect(error.problems[0].hasPrefix("\"\(item.option)\" has no effect with "))
            }
        }
    }

    @Test("every refusal is of an option that really has no effect", arguments: byRule + others)
    func effect(_ item: Case) throws {
        // A random order would take the place of a threshold; that is why it is refused.
        guard !item.isUsed, item.option != "remasking" else { return }
        let method = try DecodingMethod.named(item.method)
        let parameter = try #require(method.options.first { $0.key == item.option })
        let model = ScriptedModel(
            tokens: [9: ScriptedModel.end, 20: 3], entropies: [5: 0.2, 6: 0.01, 9: 0.4, 12: 0],
            probabilities: [5: 0.95, 6: 0.99, 9: 0.7, 12: 1])
        var runs: Set<[[Int]]> = []
        for value in Self.values(of: parameter) {
            let values = item.values.merging([item.option: value]) { $1 }
            var decoder = method.reading(values).setup.make(ScriptedModel.task())
            var steps: [[Int]] = []
            while steps.count < 500, let request = decoder.nextRequest() {
                steps.append(decoder.accept(request.candidates.map { model.prediction(at: $0) }).positions)
            }
            runs.insert(steps + [decoder.tokens.map(Int.init), [decoder.evaluations]])
        }
        #expect(runs.count == 1)
    }

    @Test("a method with nothing but defaults uses every option that recipes always hold, or leaves it out")
    func recorded() throws {
        for method in DecodingMethod.all {
            let recorded = method.reading([:]).fields.config.members
            let values = Dictionary(recorded.map { ($0.key, $0.value) }) { $1 }
            #expect(method.unused(values).isEmpty, "\(method.name)")
            for member in recorded {
                let option = try #require(method.options.first { $0.key == member.key })
                guard case .defaulted(let value) = option.presence else {
                    Issue.record("\(member.key) is recorded at its default")
                    continue
                }
                #expect(value == member.value)
            }
        }
    }

    /// The default and others.
    private static func values(of option: FieldDescription) -> [JSONValue] {
        let others: [JSONValue] =
            switch option.type {
            case .integer(let bounds): [.integer(bounds.lower?.value ?? 0)]
            case .number(let bounds):
                [.number(bounds.lower?.value ?? 0), .number(min(bounds.upper?.value ?? 1, 0.6))]
            case .flag: [true, false]
            case .choice(let names): names.map { .string($0) }
            default: []
            }
        // One token per forward leaves room for 256 only.
        return [option.defaultValue ?? .null] + (option.key == "steps" ? [.integer(64)] : others)
    }
}
