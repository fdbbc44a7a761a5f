import JSON
import TestSupport
import Testing
import Transformers

@testable import ModelStages
@testable import Runs
@testable import StageBasics

/// What forecasts know of a model is the model.
@Suite struct ModelFactsTests {
    private func configuration(headWidth: Int) -> TransformerConfiguration {
        var c = TransformerConfiguration(
            layers: 4, width: 256, heads: 4, keyValueHeads: 2, headWidth: headWidth, feedForwardWidth: 512,
            vocabulary: 1000)
        c.queryKeyNorm = true
        c.tiedHead = true
        c.attention = .causal
        c.endToken = 7
        return c
    }

    @Test("facts of a model give the whole model back", arguments: [32, 64, 128, 256])
    func whole(_ headWidth: Int) {
        let c = configuration(headWidth: headWidth)
        #expect(Facts(c).configuration == c)
        #expect(Facts(c).merging([.test: 3]).configuration == c)
        let none: Facts = [.test: 3]
        #expect(none.configuration == nil)
    }

    @Test("wider heads take more memory and more work")
    func headWidth() {
        func shape(_ headWidth: Int) throws -> PassShape {
            let c = try #require(Facts(configuration(headWidth: headWidth)).configuration)
            return PassShape(c, sequences: 1, tokens: 8, logitRows: 8)
        }
        #expect(throws: Never.self) {
            let (narrow, wide) = (try shape(64), try shape(256))
            #expect(wide.forwardOperations > 1.5 * narrow.forwardOperations)
            let difference = wide.configuration.parameterCount - narrow.configuration.parameterCount
            // Queries, keys, values and the output of each layer, and the norms of heads.
            #expect(difference == 4 * ((2 * 4 + 2 * 2) * 192 * 256 + 2 * 192))
            #expect(ModelWork(ModelWork.forward(wide).work) == .forward(wide))
        }
    }

    @Test("a smaller copy for a measurement is a model, whatever special tokens the large one has")
    func reduced() {
        var c = configuration(headWidth: 64)
        c.maskToken = 999
        let shape = PassShape(c, sequences: 4, tokens: 64, logitRows: 64).reduced(
            operations: 1e6, parameters: 100_000)
        #expect(shape.configuration.problem == nil)
        #expect(ModelWork(ModelWork.forward(shape).work) == .forward(shape))
    }

    @Test("the list of known models is whole, and names each input once")
    func known() throws {
        let inputs = try JSONDocument(parsing: PackageResources.known_models_json, name: "known-models.json")
            .root["models"]?
            .array?.flatMap { $0["inputs"]?.array?.compactMap(\.string) ?? [] }
        let names = try #require(inputs)
        #expect(names.count == 24 && Set(names).count == names.count)
        #expect(Set(KnownModel.all.keys) == Set(names))
        #expect(KnownModel.all.values.allSatisfy { $0.configuration.problem == nil })
    }
}
