import Files
import JSON
import Recipes
import Stages
import SystemPackage
import TestSupport
import Testing

/// The schema that editors use and the parser say the same of a configuration.
///
/// The schema's verdicts in the table are those of Python's jsonschema; `scripts/check-schema.py` repeats them.
@Suite struct SchemaTests {
    static let folder = Fixtures.path("schema")
    static let root = Fixtures.path("").removingLastComponent().removingLastComponent()

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let isValid: Bool
        let schema: Bool
        let config: JSONValue
        var testDescription: String { name }
    }

    static func read(_ name: String) throws -> JSONValue {
        let path = folder.appending(name)
        return JSONValue(try JSONDocument(parsing: FileSystem.read(path), name: path.string).root)
    }

    /// A configuration with a value set, or taken away where there is none.
    static func edit(_ node: JSONValue, _ path: ArraySlice<JSONValue>, _ value: JSONValue?) -> JSONValue? {
        guard let step = path.first else { return value }
        if let index = step.int, var array = node.array {
            let child = edit(array[index], path.dropFirst(), value)
            if let child { array[index] = child } else { array.remove(at: index) }
            return .array(array)
        }
        var object = node.object ?? [:]
        let key = step.string ?? ""
        object[key] = edit(object[key] ?? [:], path.dropFirst(), value)
        return .object(object)
    }

    static func cases() throws -> [Case] {
        let text = try FileSystem.readText(folder.appending("cases.jsonl"))
        return try text.split(separator: "\n").map { line in
            let row = JSONValue(try JSONDocument(parsing: Array(line.utf8), name: "cases.jsonl").root)
            var config = try read(row["of"]?.string ?? "base.json")
            for change in row["edits"]?.array ?? [] {
                let parts = change.array ?? []
                config =
                    edit(config, (parts.first?.array ?? [])[...], parts.dropFirst().first) ?? .null
            }
            return Case(
                name: row["name"]?.string ?? "", isValid: row["valid"]?.bool == true,
                schema: row["schema"]?.bool == true, config: config)
        }
    }

    @Test(arguments: try cases())
    func theParserGivesTheRecordedVerdict(one: Case) throws {
        let name = Self.folder.appending("\(one.name).json").string
        let bytes = try one.config.prettyBytes()
        var problems = ""
        do throws(ConfigurationError) {
            _ = try Experiment.parse(bytes, name: name, registry: Stages.registry)
        } catch { problems = error.description }
        #expect(problems.isEmpty == one.isValid, "\(problems)")
    }

    @Test func theSchemaRefusesNothingThatTheParserTakes() throws {
        let cases = try Self.cases()
        #expect(cases.count >= 150)
        #expect(cases.allSatisfy { $0.schema || !$0.isValid })
        // Most mistakes are such as a schema can see.
        #expect(cases.count { !$0.isValid && !$0.schema } >= 4 * cases.count { !$0.isValid && $0.schema })
    }

    @Test func theCommittedSchemaIsThatOfTheParser() throws {
        let committed = try FileSystem.readText(Self.root.pushing("configs/schema/experiment.json"))
        let now = String(decoding: try Stages.registry.schema.prettyBytes(), as: UTF8.self)
        #expect(committed == now, "Run `make schema` and commit configs/schema/experiment.json.")
    }

    @Test func everyConfigurationNamesTheSchema() throws {
        let folder = Self.root.appending("configs")
        for file in try ScratchFolder.files(below: folder)
        where file.hasSuffix(".json") && !file.hasPrefix("schema/") && !file.hasPrefix("published/") {
            let path = folder.pushing(FilePath(file))
            let document = try JSONDocument(
                parsing: FileSystem.read(path), name: path.string, allowComments: true)
            let schema = try #require(document.root["$schema"]?.string, "\(file)")
            let target = path.removingLastComponent().pushing(FilePath(schema)).lexicallyNormalized()
            #expect(target == folder.pushing("schema/experiment.json"), "\(file)")
        }
    }
}
