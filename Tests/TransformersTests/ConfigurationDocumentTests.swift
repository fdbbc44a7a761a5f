import JSON
import Numerics
import Testing

@testable import Transformers

/// The document of a configuration holds every property, so that no process and no forecast loses one.
@Suite struct ConfigurationDocumentTests {
    static let plain: TransformerConfiguration = {
        var c = TransformerConfiguration(
            layers: 2, width: 16, heads: 4, keyValueHeads: 2, headWidth: 4, feedForwardWidth: 24,
            vocabulary: 32)
        c.maskToken = 3
        c.endToken = 4
        return c
    }()

    /// Another value for each property, by its name.
    static let changes: [(name: String, change: @Sendable (inout TransformerConfiguration) -> Void)] = [
        ("layers", { $0.layers = 3 }), ("width", { $0.width = 20 }), ("heads", { $0.heads = 8 }),
        ("keyValueHeads", { $0.keyValueHeads = 4 }), ("headWidth", { $0.headWidth = 10 }),
        ("feedForwardWidth", { $0.feedForwardWidth = 25 }), ("vocabulary", { $0.vocabulary = 33 }),
        ("normEpsilon", { $0.normEpsilon = 0.1 }), ("ropeTheta", { $0.ropeTheta = 500_000.25 }),
        ("ropeScaling", { $0.ropeScaling = .linear(factor: 2.5) }),
        (
            "ropeScaling",
            { $0.ropeScaling = .llama3(factor: 32, low: 1, high: 4, originalPositions: 8192) }
        ),
        ("tiedHead", { $0.tiedHead = true }), ("queryKeyValueBias", { $0.queryKeyValueBias = true }),
        ("queryKeyNorm", { $0.queryKeyNorm = true }), ("attention", { $0.attention = .causal }),
        ("attention", { $0.attention = .blockCausal(promptLength: 7, blockLength: 3) }),
        ("logitShift", { $0.logitShift = true }), ("maskToken", { $0.maskToken = nil }),
        ("maskToken", { $0.maskToken = 31 }), ("endToken", { $0.endToken = nil }),
        ("endToken", { $0.endToken = 0 }), ("furtherEndTokens", { $0.furtherEndTokens = [9, 5] }),
        ("maximumPositions", { $0.maximumPositions = 17 }),
    ]

    @Test("the changes are of every stored property, and the document has each by its name")
    func complete() throws {
        let names = Mirror(reflecting: Self.plain).children.compactMap(\.label)
        #expect(Set(Self.changes.map(\.name)) == Set(names))
        #expect(Self.plain.document.object.map { Set($0.keys) } == Set(names))
    }

    @Test("a change of any property is carried", arguments: changes.indices)
    func carried(_ index: Int) throws {
        var changed = Self.plain
        Self.changes[index].change(&changed)
        #expect(changed != Self.plain && changed.document != Self.plain.document)
        #expect(changed.propertyText != Self.plain.propertyText)
        // As bytes too: that is how it travels.
        let bytes = try changed.document.canonicalBytes()
        let read = JSONValue(try JSONDocument(parsing: bytes, name: "model").root)
        #expect(try TransformerConfiguration(document: read) == changed)
    }

    @Test("a missing, an unknown and a wrong property are errors", arguments: Array(Set(changes.map(\.name))))
    func refused(_ name: String) throws {
        var members = try #require(Self.plain.document.object)
        members[name] = nil
        #expect(throws: FamilyError.self) { try TransformerConfiguration(document: .object(members)) }
        members[name] = ["no"]
        #expect(throws: FamilyError.self) { try TransformerConfiguration(document: .object(members)) }
        members = try #require(Self.plain.document.object)
        members["\(name)2"] = 1
        #expect(throws: FamilyError.self) { try TransformerConfiguration(document: .object(members)) }
    }
}
