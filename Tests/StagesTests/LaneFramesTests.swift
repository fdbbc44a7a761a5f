import JSON
import Numerics
import Testing
import Training
import Transformers

@testable import Ranks
@testable import Runs
@testable import TrainingStages

/// A model that travels to another process is the same model there.
@Suite struct LaneFramesTests {
    private func frame(_ fill: (inout FrameWriter) -> Void) -> FrameReader {
        var writer = FrameWriter(capacity: 64)
        fill(&writer)
        return FrameReader(writer.finish())
    }

    private var configuration: TransformerConfiguration {
        var c = TransformerConfiguration(
            layers: 3, width: 24, heads: 4, keyValueHeads: 2, headWidth: 10, feedForwardWidth: 40,
            vocabulary: 50)
        c.normEpsilon = 3e-6
        c.ropeTheta = 500_000
        c.ropeScaling = .linear(factor: 4)
        c.tiedHead = true
        c.queryKeyValueBias = true
        c.queryKeyNorm = true
        c.attention = .blockCausal(promptLength: 3, blockLength: 8)
        c.logitShift = true
        c.maskToken = 49
        c.endToken = 0
        c.furtherEndTokens = [4, 2]
        c.maximumPositions = 77
        return c
    }

    @Test("every property arrives", arguments: TrainingPrecision.allCases)
    func whole(_ precision: TrainingPrecision) throws {
        // None of the values is the one that a configuration has by itself.
        let plain = TransformerConfiguration(
            layers: 1, width: 8, heads: 1, feedForwardWidth: 8, vocabulary: 8)
        for (own, other) in zip(
            Mirror(reflecting: configuration).children, Mirror(reflecting: plain).children)
        {
            #expect("\(own.value)" != "\(other.value)", "\(own.label ?? "")")
        }
        var reader = frame { LaneFrames.put(configuration, precision, &$0) }
        let (read, readPrecision) = try LaneFrames.model(&reader)
        #expect(read == configuration && readPrecision == precision && reader.remaining == 0)
    }

    private func task(_ sequences: [TrainingSequence]) -> LaneTask {
        LaneTask(
            parts: [LanePart(lane: 0, shards: [sequences])], groups: [LossGroup("a", crossEntropy: 1)],
            temperature: 1, softTargets: nil, hasTwoPhases: false, recomputes: false,
            normalizers: Normalizers([.init()]))
    }

    @Test("sequences of two streams arrive with what each of their rows sees")
    func streams() throws {
        let rows = [LossRow(row: 9, target: 3)]
        let sent = [
            TrainingSequence(
                tokens: Array(0..<12), geometry: .twoStreams(length: 6, blockLength: 4), rows: rows),
            TrainingSequence(tokens: [1, 2], attention: .causal, rows: []),
        ]
        var reader = frame { LaneFrames.put(task(sent), &$0) }
        let read = try LaneFrames.task(&reader, vocabulary: 50).parts[0].shards[0]
        #expect(reader.remaining == 0)
        #expect(read.map(\.tokens) == sent.map(\.tokens) && read.map(\.rows) == sent.map(\.rows))
        #expect(read.map(\.geometry) == sent.map(\.geometry))
        #expect(read.map(\.attention) == sent.map(\.attention))
    }

    @Test("residuals arrive with their distributions, and what has none is refused")
    func residuals() throws {
        var sent = TrainingSequence(tokens: [1, 2, 3], rows: [LossRow(row: 1, target: 3)])
        sent.residuals = [
            ResidualRow(row: 1, share: 0.25, distribution: 2),
            ResidualRow(row: 2, share: 1, distribution: 0, flows: false),
        ]
        var task = task([sent])
        task.softTargets = Matrix(rows: 3, columns: 2, elements: [0, 1, 2, 3, 4, 5])
        var reader = frame { LaneFrames.put(task, &$0) }
        let read = try LaneFrames.task(&reader, vocabulary: 50)
        // Of the distributions only those that are asked for travel, in that order.
        #expect(read.softTargets?.elements == [4, 5, 0, 1] && reader.remaining == 0)
        sent.residuals[0].distribution = 0
        sent.residuals[1].distribution = 1
        #expect(read.parts[0].shards[0][0].residuals == sent.residuals)
        task.softTargets = nil
        reader = frame { LaneFrames.put(task, &$0) }
        #expect(throws: FrameError.self) { try LaneFrames.task(&reader, vocabulary: 50) }
    }

    @Test(
        "a row that sees what its sequence doesn't have is refused",
        arguments: [
            VisibleKeys(prefix: 5), VisibleKeys(prefix: -1), VisibleKeys(prefix: 3, window: 2..<4),
            VisibleKeys(prefix: 0, window: 3..<5),
        ])
    func foreignKeys(_ keys: VisibleKeys) throws {
        let geometry = RowGeometry(
            positions: [0, 1, 0, 1], visible: [keys] + [VisibleKeys](repeating: .init(prefix: 1), count: 3))
        let sent = [TrainingSequence(tokens: [1, 2, 3, 4], geometry: geometry, rows: [])]
        var reader = frame { LaneFrames.put(task(sent), &$0) }
        #expect(throws: FrameError.self) { try LaneFrames.task(&reader, vocabulary: 50) }
    }

    @Test("a model whose configuration isn't the one that was sent is refused")
    func different() throws {
        var other = configuration
        other.ropeTheta += 1
        var reader = frame {
            $0.put(array: (try? other.document.canonicalBytes()) ?? [])
            // What stands behind it is of the right one.
            var right = FrameWriter(capacity: 64)
            LaneFrames.put(configuration, .float32, &right)
            var rest = FrameReader(right.finish())
            _ = try? rest.array(UInt8.self)
            $0.put((try? rest.text()) ?? "")
            $0.put((try? rest.text()) ?? "")
        }
        #expect(throws: FrameError.self) { try LaneFrames.model(&reader) }
    }

    @Test("a property more or less is an error")
    func properties() throws {
        for name in try #require(configuration.document.object).keys {
            for change in [nil, JSONValue.integer(1)] {
                var members = try #require(configuration.document.object)
                if change == nil { members[name] = nil } else { members["\(name)2"] = change }
                let bytes = try JSONValue.object(members).canonicalBytes()
                var reader = frame { $0.put(array: bytes) }
                #expect(throws: FrameError.self) { try LaneFrames.model(&reader) }
            }
        }
        var reader = frame { LaneFrames.put(configuration, .float32, &$0) }
        #expect(throws: Never.self) { try LaneFrames.model(&reader) }
    }
}
