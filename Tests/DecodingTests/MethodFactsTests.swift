import Documents
import JSON
import Testing
import Transformers

@testable import Decoding

/// What is known of a method before it decodes.
@Suite struct MethodFactsTests {
    /// Options of a method, and the expectations for a prompt of 28.5 and an answer of 40.25 tokens.
    struct Case: Sendable, CustomTestStringConvertible {
        let method: String
        let values: [String: JSONValue]
        let expected: [Double]

        init(
            _ method: String, _ values: [String: JSONValue], _ forwards: Double, _ tokens: Double,
            _ cached: Double, _ logitRows: Double
        ) {
            self.method = method
            self.values = values
            expected = [forwards, tokens, cached, logitRows]
        }

        var testDescription: String { "\(method) \(values)" }
    }

    /// As forecasts had them when they still found methods by their names.
    static let cases = [
        Case("vanilla", [:], 256.0, 284.5, 0, 19.2),
        Case("dream", [:], 256.0, 284.5, 0, 128.0),
        Case("entropy", [:], 47.871352260679814, 284.5, 0, 19.2),
        Case("fast-dllm", [:], 104.48979591836736, 284.5, 0, 19.2),
        Case("fast-dllm-prefix-cache", [:], 108.48979591836736, 154.75703124999998, 129.74296875000002, 19.2),
        Case("fast-dllm-dual-cache", [:], 108.48979591836736, 51.33203124999999, 233.16796875, 19.2),
        Case(
            "fast-dllm-dream-prefix-cache", [:], 108.48979591836736, 154.75703124999998, 129.74296875000002,
            19.2),
        Case("fast-dllm-dream-dual-cache", [:], 108.48979591836736, 51.33203124999999, 233.16796875, 19.2),
        Case("dinfer", [:], 75.29411764705883, 284.5, 0, 19.2),
        Case("dinfer-prefix-cache", [:], 79.29411764705883, 158.928125, 125.571875, 19.2),
        Case("dinfer-dual-cache", [:], 79.29411764705883, 58.82812500000001, 225.671875, 19.2),
        Case("multi-block", [:], 5.575294931980215, 284.5, 0, 64),
        Case("multi-block-cache", [:], 5.575294931980215, 229.59936520241428, 54.900634797585724, 64),
        Case("d2f", [:], 77.39984882842026, 51.5682177734375, 156.5, 48.0),
        Case("autoregressive", [:], 40.25, 1.7080745341614907, 48.625, 1),
        Case(
            "vanilla",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)], 48.0,
            76.5, 0, 4.8),
        Case("dream", ["generationLength": .integer(30)], 30.0, 58.5, 0, 15.0),
        Case(
            "entropy",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            8.975878548877464, 76.5, 0, 4.8),
        Case(
            "fast-dllm",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            19.591836734693878, 76.5, 0, 4.8),
        Case(
            "fast-dllm-prefix-cache",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            22.591836734693878, 42.853125, 33.646875, 4.8),
        Case(
            "fast-dllm-dual-cache",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            22.591836734693878, 28.978125000000002, 47.521874999999994, 4.8),
        Case(
            "fast-dllm-dream-prefix-cache",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            22.591836734693878, 42.853125, 33.646875, 4.8),
        Case(
            "fast-dllm-dream-dual-cache",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            22.591836734693878, 28.978125000000002, 47.521874999999994, 4.8),
        Case(
            "dinfer",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            14.117647058823529, 76.5, 0, 4.8),
        Case(
            "dinfer-prefix-cache",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            17.11764705882353, 48.6125, 27.887500000000003, 4.8),
        Case(
            "dinfer-dual-cache",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            17.11764705882353, 37.112500000000004, 39.387499999999996, 4.8),
        Case(
            "multi-block",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            5.919117647058823, 76.5, 0, 16),
        Case(
            "multi-block-cache",
            ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            5.919117647058823, 46.831304347826084, 29.668695652173916, 16),
        Case(
            "d2f", ["generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(true)],
            14.512471655328799, 14.763828125, 52.5, 12.0),
        Case("autoregressive", ["generationLength": .integer(30)], 30, 1.95, 43.5, 1),
        // As the methods that they resemble, below.
        Case(
            "sglang-multi-block",
            ["generationLength": .integer(48), "blockLength": .integer(8), "threshold": .number(0.1)],
            10.853320466112063, 76.5, 0, 16),
        Case(
            "tad", ["generationLength": .integer(48), "blockLength": .integer(8), "threshold": .number(0.4)],
            9.693025282315254, 76.5, 0, 4.8),
        // One token per forward and a forward for each block, or as confidence thresholds give them.
        Case("fast-dllm-v2", ["threshold": .integer(1)], 67, 32.431818181818180, 60.5, 4),
        Case("nbdiff", [:], 67, 32.431818181818180, 60.5, 2),
        Case("sdar", ["rule": .string("planned")], 56, 4.5181818181818180, 50.5, 2),
        Case("multi-bd", ["threshold": .integer(1)], 66, 64.431818181818180, 60.5, 32),
        Case(
            "rcd", ["blockLength": .integer(32), "threshold": .number(0.9)], 104.48979591836736, 284.5, 0, 16),
        Case(
            "stitching", ["generationLength": .integer(256), "threshold": .number(0.9)], 104.48979591836736,
            284.5, 0, 19.2),
        Case(
            "stitching-prefix-cache", ["generationLength": .integer(256), "threshold": .number(0.9)],
            108.48979591836736, 154.75703124999998, 129.74296875000002, 19.2),
        Case("spiffy", [:], 104.48979591836736 * 0.67, 284.5 * 5, 0, 19.2 * 5),
        Case(
            "spiffy", ["drafts": .integer(0), "cache": .string("dual")], 108.48979591836736,
            51.33203124999999,
            233.16796875, 19.2),
        Case("swift", [:], 51.3125, 4.708074534161490, 48.625, 4),
        Case("apd", [:], 13.416666666666666, 116, 32.625, 100),
        Case("jacobi", [:], 21.125, 21.4741124260355, 48.625, 20.125),
        Case("jacobi-multi-block", [:], 21.125, 21.4741124260355, 48.625, 20.125),
        Case("dllm-var", ["threshold": .integer(1)], 64, 64.445312500000000, 60.5, 32),
        Case(
            "vanilla", ["generationLength": .integer(48), "blockLength": .integer(8), "steps": .integer(12)],
            12.0, 76.5, 0, 4.8),
        Case(
            "vanilla",
            [
                "generationLength": .integer(48), "blockLength": .integer(8), "rule": .string("entropyBelow"),
                "threshold": .integer(0),
            ], 48.0, 76.5, 0, 4.8),
        Case(
            "entropy",
            [
                "generationLength": .integer(48), "blockLength": .integer(8), "rule": .string("entropyBelow"),
                "threshold": .number(0.4),
            ], 9.693025282315254, 76.5, 0, 4.8),
        Case(
            "fast-dllm",
            ["generationLength": .integer(48), "blockLength": .integer(8), "rule": .string("factor")],
            14.117647058823529, 76.5, 0, 4.8),
        Case(
            "fast-dllm",
            ["generationLength": .integer(48), "blockLength": .integer(8), "threshold": .integer(1)], 48.0,
            76.5, 0, 4.8),
        Case(
            "fast-dllm-dual-cache", ["rule": .string("scheduled"), "steps": .integer(64)], 68.0, 63.5625,
            220.9375, 19.2),
        Case(
            "dream", ["rule": .string("threshold"), "threshold": .number(0.7), "steps": .integer(64)],
            72.11267605633802, 284.5, 0, 128.0),
        Case("dream", ["steps": .integer(64)], 64.0, 284.5, 0, 128.0),
        Case("dream", ["rule": .string("margin")], 256.0, 284.5, 0, 128.0),
        Case(
            "multi-block",
            ["generationLength": .integer(48), "blockLength": .integer(8), "threshold": .null],
            5.919117647058823, 76.5, 0, 16),
        Case(
            "multi-block",
            [
                "generationLength": .integer(48), "blockLength": .integer(8), "earlyStop": .bool(false),
                "threshold": .number(0.1),
            ], 10.853320466112063, 76.5, 0, 16),
        Case(
            "multi-block-cache",
            [
                "generationLength": .integer(48), "blockLength": .integer(8), "refreshInterval": .integer(3),
                "threshold": .number(0.3),
            ], 6.621203918942682, 52.699999999999996, 23.800000000000004, 16),
        Case(
            "d2f",
            ["generationLength": .integer(48), "blockLength": .integer(8), "skipThreshold": .integer(1)],
            48.0, 13.39375, 52.5, 12.0),
        Case(
            "d2f", ["generationLength": .integer(16), "blockLength": .integer(16)], 4.837490551776266,
            21.891484375, 36.5, 21.891484375),
        Case(
            "dinfer",
            [
                "generationLength": .integer(48), "blockLength": .integer(8), "rule": .string("confidence"),
                "threshold": .number(0.6),
            ], 11.707317073170733, 76.5, 0, 4.8),
    ]

    @Test("the expected effort of every method is the one that forecasts are known for", arguments: cases)
    func effort(_ item: Case) throws {
        let setup = try DecodingMethod.named(item.method).setup(item.values)
        let effort = try #require(setup.effort(prompt: 28.5, answer: 40.25))
        let numbers = [effort.forwards, effort.tokens, effort.cached, effort.logitRows]
        for (number, expected) in zip(numbers, item.expected) {
            #expect(abs(number - expected) <= 1e-9 * max(1, abs(expected)), "\(numbers)")
        }
    }

    @Test("the expectations are of every method")
    func allMethods() {
        #expect(Set(Self.cases.map(\.method)) == Set(DecodingMethod.all.map(\.name)))
    }

    @Test("a method's lengths are those of its options", arguments: DecodingMethod.all.map(\.name))
    func lengths(_ name: String) throws {
        let method = try DecodingMethod.named(name)
        let response = try #require(method.option(.responseLength))
        let block = method.option(.blockLength)
        for (length, size) in [(64, 16), (48, 8), (96, 96)] {
            var values: [String: JSONValue] = [response.key: .integer(length)]
            if let block { values[block.key] = .integer(size) }
            let setup = try method.setup(values)
            #expect(setup.lengths == DecodingLengths(response: length, block: block.map { _ in size }))
            let (found, whole) = (
                setup.make(ScriptedModel.task()).maximumLength, ScriptedModel.task().prompt.count + length
            )
            // What is read behind a response: MultiBD's further masks, blocks that Jacobi decoding begins early, drafts.
            let behind = ["multi-bd": 11, "jacobi-multi-block": 2, "swift": 35][name]
            guard method.attention == .byBlocks || behind != nil else {
                #expect(found == whole)
                continue
            }
            // Blocks of the absolute grid: a response ends with one.
            let buffer = behind ?? 1
            #expect((whole - size + 1...whole + buffer * size).contains(found), "\(found) for \(whole)")
        }
    }

    @Test(
        "a method without masks never asks for a place that holds one",
        arguments: DecodingMethod.all.map(\.name))
    func masks(_ name: String) throws {
        let method = try DecodingMethod.named(name)
        var decoder = try method.factory()(ScriptedModel.task())
        // The first forward of some only feeds the prompt.
        var requests: [ForwardRequest] = []
        var holdsMask = false
        while requests.count < 3, !holdsMask {
            let next = decoder.nextRequest()
            let request = try #require(next)
            holdsMask = request.candidates.contains { position in
                decoder.tokens.indices.contains(position)
                    && decoder.tokens[position] == decoder.state.maskToken
            }
            requests.append(request)
            decoder.accept(request.candidates.map { ScriptedModel().prediction(at: $0) })
        }
        #expect(holdsMask == method.needsMask)
        // NBDiff's context is causal, its blocks aren't.
        if method.attention != .inContext {
            #expect((requests.last?.attention == .causal) == method.isCausal)
        }
        let pattern = AttentionPattern.blockCausal(promptLength: 0, blockLength: 4)
        for attention in [AttentionPattern.bidirectional, .causal, pattern] {
            #expect(DecodingMethod.usual(attention).suits(attention))
            #expect(DecodingMethod.usual(attention).isCausal == (attention == .causal))
        }
    }

    @Test("roles are of one option each", arguments: DecodingMethod.all.map(\.name))
    func roles(_ name: String) throws {
        let roles = try DecodingMethod.named(name).options.compactMap(\.meaning)
        #expect(Set(roles).count == roles.count && roles.contains(.responseLength))
    }
}
