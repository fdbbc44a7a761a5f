import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ResultStages
@testable import StageBasics

@Suite struct AgreementTests {
    /// A table's record with one method.
    private func table(
        fingerprint: String = "f1", tpf: Double?, aup: Double, verdict: String = "holds",
        kernels: String = "x86-64-v3",
        digest: String = "d1"
    ) -> JSONValue {
        [
            "fingerprint": .string(fingerprint), "recipe": ["kind": "aup"],
            "machine": ["kernels": .string(kernels)],
            "files": [["path": "table.txt", "sha256": .string(digest)]],
            "metrics": [
                "methods": [
                    "d3LLM": [
                        "aup": .number(aup), "speeds": ["90": tpf.map { ["tpf": .number($0)] } ?? .null],
                    ]
                ],
                "claims": ["it is faster": .string(verdict)],
            ],
        ]
    }

    private var repeats: JSONValue {
        [
            "recipe": ["kind": "replicates"],
            "metrics": [
                "repeats": 3,
                "methods": ["d3LLM": ["aupOfEach": [500, 510, 520], "speedsOfEach": ["90": [5, 5.5, 6]]]],
            ],
        ]
    }

    private func agreement(_ own: JSONValue, recorded: [String: JSONValue]) throws -> (
        text: String, value: JSONValue
    ) {
        let scratch = try ScratchFolder()
        for (name, value) in recorded {
            let path = scratch.path.pushing(FilePath(name))
            try FileSystem.createDirectory(path.removingLastComponent())
            try FileSystem.writeAtomically(value.prettyBytes(), to: path)
        }
        let agreement = try Agreement(run: "mini/x/runs/1", artifacts: [own], recorded: scratch.path)
        return (agreement.text, agreement.value)
    }

    @Test func theSameFilesAreSaidToBeTheSame() throws {
        let own = table(tpf: 5.2, aup: 505)
        let result = try agreement(own, recorded: ["seed/table-artifact.json": own])
        #expect(result.text == "This table is the recorded one, byte for byte.\n")
        #expect(result.value["sameBytes"] == true)
    }

    @Test func anotherDrawIsHeldAgainstTheRecordedRepeats() throws {
        let result = try agreement(
            table(tpf: 5.2, aup: 640, verdict: "open", digest: "d2"),
            recorded: [
                "seed/table-artifact.json": table(tpf: 5.5, aup: 510, kernels: "x86-64-v4"),
                "seeds/seeds-artifact.json": repeats,
            ])
        #expect(
            result.text.contains(
                "The recorded one was computed with x86-64-v4 kernels, this one with x86-64-v3."))
        #expect(result.text.contains("1 of 2 numbers lie within what 3 recorded repeats span"))
        #expect(result.text.contains("0 of 1 claims have the recorded verdict."))
        let places = result.value["numbers"]?.array?.map { $0["place"]?.string }
        #expect(places == ["inside", "outside"])
    }

    @Test func aNumberThatIsntReachedIsntJudged() throws {
        let result = try agreement(
            table(tpf: nil, aup: 505, digest: "d2"),
            recorded: ["table-artifact.json": table(tpf: 5.5, aup: 510), "seeds-artifact.json": repeats])
        let places = result.value["numbers"]?.array?.map { $0["place"]?.string }
        #expect(places == ["unknown", "inside"])
    }

    @Test func anotherRecipeIsNamed() throws {
        let result = try agreement(
            table(fingerprint: "f2", tpf: 5.2, aup: 505),
            recorded: ["table-artifact.json": table(tpf: 5.2, aup: 505)])
        #expect(result.text.contains("Configuration or program differ"))
        #expect(result.text.contains("No repeats are recorded there"))
    }

    @Test func aFolderWithoutATableIsAnError() throws {
        #expect(throws: DataError.self) {
            try agreement(table(tpf: 5, aup: 5), recorded: ["seeds-artifact.json": repeats])
        }
        #expect(throws: DataError.self) {
            try agreement(repeats, recorded: ["table-artifact.json": table(tpf: 5, aup: 5)])
        }
    }
}
