import Files
import JSON
import Numerics
import SystemPackage
import TestSupport
import Testing
import Transformers

@testable import TrainingStages

/// Checkpoints of a training that were written by somebody else: whatever they say, none is counted with or indexed by.
@Suite struct HostileCheckpointTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    private static let good = [
        "phase": "0", "step": "3", "optimizerSteps": "3", "log": "[]", "pending": "[]", "norms": "[]",
    ]

    private func checkpoint(_ changes: [String: String]) throws -> TrainingCheckpoint {
        let buffer = FloatBuffer(zeros: 4)
        try SafetensorsWriter.write(
            [.init(name: "parameters", shape: [4], values: buffer.matrix(rows: 1, columns: 4).view)],
            metadata: Self.good.merging(changes) { $1 }, to: scratch.path.appending("checkpoint.safetensors"))
        return TrainingCheckpoint(folder: scratch.path)
    }

    @Test func aGoodOneIsRead() throws {
        let checkpoint = try checkpoint([:])
        #expect(checkpoint.position?.step == 3)
        #expect(try checkpoint.load(FloatBuffer(zeros: 4))?.position.step == 3)
    }

    @Test(arguments: [
        ("phase", "-1"), ("phase", "9223372036854775807"), ("phase", "-9223372036854775808"), ("phase", "x"),
        ("step", "-1"), ("step", "9223372036854775807"), ("step", ""),
        ("optimizerSteps", "9223372036854775807"),
        ("optimizerSteps", "-1"), ("averaged", "-1"), ("averaged", "9223372036854775807"), ("norms", "[1]"),
        ("pending", #"[{"total": 1, "groups": []}]"#),
    ])
    func whatCannotBeIsRefused(key: String, value: String) throws {
        let checkpoint = try checkpoint([key: value])
        if key == "phase" || key == "step" { #expect(checkpoint.position == nil) }
        #expect(throws: (any Error).self) { try checkpoint.load(FloatBuffer(zeros: 4)) }
    }

    @Test("numbers that overflow when they are added up are refused", arguments: ["rows", "correct"])
    func reports(key: String) throws {
        let group = ["rows": "1", "correct": "1"].merging([key: "9223372036854775807"]) { $1 }
        let report =
            #"{"total": 1, "groups": [{"name": "a", "crossEntropy": 1, "entropy": 1, "rows": \#(group["rows"] ?? ""), "correct": \#(group["correct"] ?? "")}]}"#
        let checkpoint = try checkpoint(["pending": "[\(report)]", "norms": "[1]"])
        #expect(throws: (any Error).self) { try checkpoint.load(FloatBuffer(zeros: 4)) }
    }
}
