import Decoding
import Files
import JSON
import Recipes
import Stages
import SystemPackage
import TestSupport
import Testing

/// What of a decoder's options decides the identity of an evaluation.
@Suite struct DecoderRecipeTests {
    private func recipe(_ decoder: String, verifier: String? = nil) throws -> String {
        let second = verifier.map { "\"verifier\": \"\($0)\", " } ?? ""
        let text = """
            {"name": "test/recipes", "seed": 1, "stages": {
              "problems": {"kind": "synthesize"},
              "tokenizer": {"kind": "tokenizer", "corpus": "@problems"},
              "teacher": {"kind": "pretrain", "data": "@problems", "tokenizer": "@tokenizer", "phases": [
                {"name": "a", "steps": 1, "mixture": [{"objective": "autoregressive", "rows": 1}]}]},
              "curve": {"kind": "evaluate", "model": "@teacher", "data": "@problems", \(second)"decoder": \(decoder)}
            }}
            """
        let experiment = try Experiment.parse(Array(text.utf8), name: "test.json", registry: Stages.registry)
        let stage = try #require(experiment["curve"])
        return String(decoding: try stage.recipe.value.canonicalBytes(), as: UTF8.self)
    }

    @Test("options that aren't given leave no trace, so that another method's new option changes nothing")
    func absent() throws {
        let recipe = try recipe(#"{"method": "vanilla", "blockLength": 8}"#)
        #expect(recipe.contains(#""decoder":{"blockLength":8,"method":"vanilla"}"#))
    }

    @Test("null is told from absent: a threshold of null accepts everything")
    func null() throws {
        let none = try recipe(#"{"method": "multi-block", "threshold": null}"#)
        #expect(none.contains(#""threshold":null"#))
        #expect(try none != recipe(#"{"method": "multi-block"}"#))
        // An option that can't be null says so.
        #expect(throws: ConfigurationError.self) {
            _ = try recipe(#"{"method": "multi-block", "blockLength": null}"#)
        }
    }

    @Test("a second model belongs to a method that needs one, and leaves no trace in the recipes of others")
    func verifier() throws {
        let judged = try recipe(#"{"method": "apd"}"#, verifier: "@teacher")
        #expect(judged.contains(#""verifier":"#))
        for (decoder, verifier, words) in [
            (#"{"method": "apd"}"#, nil, "needs a second model with these options"),
            (#"{"method": "apd", "tokensPerForward": 2}"#, "@teacher", "needs no second model"),
            (#"{"method": "vanilla"}"#, "@teacher", "needs no second model"),
        ] as [(String, String?, String)] {
            let error = #expect(throws: ConfigurationError.self) { try recipe(decoder, verifier: verifier) }
            #expect(error?.description.contains(words) == true)
        }
        #expect(try !recipe(#"{"method": "vanilla"}"#).contains("verifier"))
        #expect(try !recipe(#"{"method": "apd", "tokensPerForward": 2}"#).contains("verifier"))
    }

    /// The same of a method with a second model.
    private func recipe(of method: DecodingMethod, _ decoder: String) throws -> String {
        try recipe(decoder, verifier: method.needsVerifier ? "@teacher" : nil)
    }

    /// A value of an option as configurations write it.
    private func json(_ value: JSONValue?) -> String { (value ?? .null).oneLine }

    private func decoder(_ method: DecodingMethod, _ options: [String: String] = [:]) -> String {
        let members = options.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
        return "{" + (["\"method\": \"\(method.name)\""] + members).joined(separator: ", ") + "}"
    }

    @Test(
        "an option given at its default is the same setting as without it",
        arguments: DecodingMethod.all.map(\.name))
    func defaults(_ name: String) throws {
        let method = try DecodingMethod.named(name)
        let plain = try recipe(of: method, decoder(method))
        let used = method.options.filter { method.unused([$0.key: $0.defaultValue ?? .null]).isEmpty }
        #expect(used.count >= 2)
        for parameter in used {
            #expect(
                try recipe(of: method, decoder(method, [parameter.key: json(parameter.defaultValue)]))
                    == plain)
        }
        let all = used.map { ($0.key, json($0.defaultValue)) }
        #expect(try recipe(of: method, decoder(method, Dictionary(all) { $1 })) == plain)
        // The other ones are refused, so that they can't make two fingerprints of one meaning.
        for parameter in method.options where !used.contains(where: { $0.key == parameter.key }) {
            #expect(throws: ConfigurationError.self) {
                _ = try recipe(of: method, decoder(method, [parameter.key: json(parameter.defaultValue)]))
            }
        }
    }

    @Test("zero has no sign", arguments: DecodingMethod.all.map(\.name))
    func zero(_ name: String) throws {
        let method = try DecodingMethod.named(name)
        for parameter in method.options {
            guard case .number(let range) = parameter.type, range.contains(0),
                method.unused([parameter.key: .number(0)]).isEmpty
            else { continue }
            let forms = try ["0", "0.0", "-0.0", "-0"].map {
                try recipe(of: method, decoder(method, [parameter.key: $0]))
            }
            #expect(Set(forms).count == 1, "\(parameter.key)")
        }
    }

    @Test("a problem with an option points at it, and says what it is for")
    func unused() throws {
        for (decoder, place, reason) in [
            (#"{"method": "dinfer", "threshold": 0.5}"#, #""threshold""#, #"the rule "factor""#),
            (
                #"{"method": "fast-dllm", "rule": "scheduled", "threshold": 0.5}"#, #""threshold""#,
                "scheduled"
            ),
            (#"{"method": "vanilla", "threshold": 0.9}"#, #""threshold""#, #"the rule "scheduled""#),
        ] {
            do {
                _ = try recipe(decoder)
                Issue.record("\(decoder) is taken")
            } catch let error as ConfigurationError {
                let text = error.description
                #expect(text.contains("\(place) has no effect with ") && text.contains(reason), "\(text)")
                #expect(text.contains("test.json:6:"), "\(text)")
            }
        }
    }

    /// What experiments recorded: their stages' fingerprints, by the configuration that made them.
    ///
    /// What was recorded before the kinds' versions rose is compared with those versions; that apart, every recipe is the
    /// same.
    @Test(
        "the recorded experiments keep their fingerprints",
        arguments: [
            ("mini-table1/results/earlier-seeds", "configs/ablation/base-seeds.json"),
            ("mini-table1/results/seed-1", nil), ("mini-table1/results/seeds", nil),
            ("order/results/seeds", nil), ("order/results/long-teacher", nil), ("sudoku/results", nil),
            ("components/results/word-problems", nil), ("components/results/result-first", nil),
            ("decoding/results", nil), ("quirks/results", nil), ("early-ends/results", nil),
        ])
    func recorded(_ folder: String, _ configuration: String?) throws {
        let isEarlier = folder.contains("earlier")
        let versions =
            isEarlier
            ? [
                "pretrain": 1, "trajectories": 1, "evaluate": 1, "distill": 2, "aup": 3, "replicates": 1,
            ] : [:]
        let root = Fixtures.path("").removingLastComponent().removingLastComponent()
        let path = root.appending("experiments").pushing(FilePath(folder)).appending("run.json")
        let run = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        let file = try #require(configuration ?? run["config"]?["file"]?.string)
        let experiment = try Experiment.load(root.pushing(FilePath(file)), registry: Stages.registry)
        var then: [String: String] = [:]
        for stage in experiment.stages {
            var value = try #require(stage.recipe.value.object)
            value["version"] = .integer(versions[stage.recipe.kind] ?? stage.recipe.version)
            value["inputs"] = value["inputs"].map { Self.replacing(then, in: $0) }
            then[stage.fingerprint] = SHA256.hex(of: try JSONValue.object(value).canonicalBytes())
        }
        var compared = 0
        for entry in try #require(run["stages"]?.array) {
            let name = try #require(entry["stage"]?.string)
            let stage = try #require(experiment[name], "\(name)")
            #expect(then[stage.fingerprint] == entry["fingerprint"]?.string, "\(name)")
            compared += 1
        }
        #expect(compared > 20)
    }

    /// Fingerprints, with or without a part behind them, replaced by others.
    private static func replacing(_ others: [String: String], in value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text):
            .string((others[String(text.prefix(64))] ?? String(text.prefix(64))) + text.dropFirst(64))
        case .array(let elements): .array(elements.map { replacing(others, in: $0) })
        case .object(let object):
            .object(JSONObject(object.members.map { ($0.key, replacing(others, in: $0.value)) }))
        default: value
        }
    }
}
