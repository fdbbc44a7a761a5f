import Documents
import JSON
import Testing

@testable import Decoding

@Suite struct DecodingMethodTests {
    private func problem(_ method: String, _ values: [String: JSONValue]) -> String {
        do {
            _ = try DecodingMethod.named(method).factory(values)
            return "no error"
        } catch {
            return error.description
        }
    }

    @Test(arguments: DecodingMethod.all.map(\.name))
    func everyMethodDecodesWithItsDefaults(_ name: String) throws {
        var values: [String: JSONValue] = ["generationLength": .integer(32)]
        if name == "dinfer" { values["earlyStop"] = .bool(true) }
        // Upstream counts blocks that aren't begun, too, and ends with the first forward of so short a response.
        if name == "multi-bd" { values["emptyBlocks"] = .string("corrected") }
        if name == "multi-bd" { values["evaluationLimit"] = .integer(1000) }
        let decoder = try DecodingMethod.named(name).factory(values)(ScriptedModel.task())
        var running = decoder
        var turns = 0
        let model = ScriptedModel()
        while let request = running.nextRequest(), turns < 1000 {
            running.accept(request.candidates.map { model.prediction(at: $0) })
            turns += 1
        }
        // Blocks of the absolute grid: the prompt's four tokens are in the first, and a token follows the last. What a last draft
        // has too much stays.
        let count = ["fast-dllm-v2": 29, "sdar": 32, "multi-bd": 60, "swift": 34][name] ?? 32
        let masks = name == "multi-bd" ? 96 : 0
        #expect(
            Array(running.state.response)
                == [Int32](repeating: 7, count: count) + [Int32](repeating: ScriptedModel.mask, count: masks))
        #expect(running.forwards + running.verifierForwards == turns)
        // A batch goes on asking those that have ended.
        let again = running.nextRequest()
        #expect(again == nil && running.forwards + running.verifierForwards == turns)
    }

    @Test func methodNamesAreUnique() {
        #expect(Set(DecodingMethod.all.map(\.name)).count == DecodingMethod.all.count)
    }

    @Test func optionsAreDescribedOnceEach() {
        for method in DecodingMethod.all {
            let names = method.options.map(\.key)
            #expect(Set(names).count == names.count, "\(method.name)")
            #expect(method.options.allSatisfy { $0.summary.hasSuffix(".") })
        }
    }

    @Test func unknownMethodNamesTheNearest() {
        #expect(
            problem("multi-blok", [:])
                == "There is no decoding method \"multi-blok\". Did you mean \"multi-block\"?")
        #expect(problem("FastDLLM", [:]).contains("Did you mean \"fast-dllm\"?"))
        #expect(problem("zzz", [:]).contains("The methods: vanilla,"))
    }

    @Test func unknownOptionNamesTheNearest() {
        let text = problem("multi-block-cache", ["cacheDelai": .integer(1)])
        #expect(
            text.contains(
                "Decoding method \"multi-block-cache\" has no key \"cacheDelai\". Did you mean \"cacheDelay\"?"
            ))
    }

    @Test func everyWrongOptionIsNamedWithItsLegalValues() {
        let text = problem(
            "multi-block",
            ["blockLength": .integer(0), "earlyStop": .string("yes"), "family": .string("qwen")])
        let method = "of decoding method \"multi-block\""
        #expect(
            text.contains(
                "\"blockLength\" \(method) should be a whole number from 1 to 1000000; this is 0."))
        #expect(text.contains("\"earlyStop\" \(method) should be true or false; this is \"yes\"."))
        #expect(
            text.contains(
                "\"family\" \(method) should be one of \"llada\", \"dream\"; this is \"qwen\"."))
    }

    @Test func lengthsMustFit() {
        #expect(
            problem("vanilla", ["generationLength": .integer(100), "blockLength": .integer(32)])
                .contains("should be a multiple of \"blockLength\", 32"))
        #expect(
            problem(
                "vanilla",
                ["generationLength": .integer(64), "blockLength": .integer(32), "steps": .integer(3)]
            ).contains("\"steps\" is 3 and should be a multiple of the 2 blocks."))
        #expect(problem("d2f", ["generationLength": .integer(8)]).contains("at least \"blockLength\""))
    }

    @Test func aNumberMayBeWrittenAsAWholeNumberAndAThresholdAsNull() throws {
        _ = try DecodingMethod.named("multi-block").factory(["threshold": .integer(1)])
        _ = try DecodingMethod.named("multi-block").factory(["threshold": .null])
        #expect(problem("vanilla", ["threshold": .null]).contains("this is null."))
    }
}
