import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct TemporalDistillationTests {
    private let objective = TemporalDistillation(reach: 2)

    /// Four tokens decided in the states 1, 4, never, 2; the student sees state 1.
    private var example: TemporalDistillation.Example {
        objective.example(
            prompt: [5, 6], teacherPrompt: [7, 8, 5, 6], response: [1, 2, 3, 4], decided: [1, 4, -1, 2],
            state: 1, last: 4, mask: Tiny.mask)
    }

    @Test("what the next states decide is near, what comes later or never is far")
    func nearAndFar() {
        let mask = Tiny.mask
        #expect(example.tokens == [5, 6, 1, mask, mask, mask])
        #expect(example.teacherTokens == [7, 8, 5, 6, 1, mask, mask, mask])
        #expect(example.teacherOffset == 2)
        #expect(example.near == [5: 4] && example.far == [3, 4])
        // Before the first forward all are masks; the last state is as far ahead as there is.
        let first = TemporalDistillation(reach: 9).example(
            prompt: [], teacherPrompt: [], response: [1, 2], decided: [1, 2], state: 0, last: 2, mask: mask)
        #expect(first.tokens == [mask, mask] && first.near == [0: 1, 1: 2] && first.far == [])
    }

    @Test(
        "the batch has both groups, each the mean of its own, and the factor τ² on the divergence",
        arguments: [false, true])
    func batch(shift: Bool) {
        let tempered = TemporalDistillation(reach: 2, temperature: 2, crossEntropy: 3, divergence: 0.5)
        let targets = MutableMatrix(zeros: 2, 16)
        for row in 0..<2 { targets.row(row)[row] = 1 }
        let batch = tempered.batch([example], Tiny.configuration(shift: shift), teacher: targets.view)
        let rows = batch.sequences[0].rows
        #expect(rows.map(\.row) == [3, 4, 5].map { shift ? $0 - 1 : $0 })
        #expect(rows.map(\.group) == [1, 1, 0] && rows.map(\.softTarget) == [0, 1, nil])
        #expect(rows[2].target == 4 && rows.allSatisfy { $0.weight == 1 })
        #expect(batch.groups.map(\.crossEntropy) == [3, 2] && batch.temperature == 2)
        // Certain targets have no entropy.
        #expect(batch.groups.map(\.offset) == [0, 0])
    }

    @Test(
        "a student that is its teacher and sees the same has no divergence and no gradient",
        arguments: [Float(1), 1.7])
    func fixedPoint(temperature: Float) throws {
        let parameters = Tiny.parameters(Tiny.configuration(shift: true))
        let model = try Transformer(over: parameters)
        let tempered = TemporalDistillation(reach: 1, temperature: temperature)
        // Nothing is near.
        let far = tempered.example(
            prompt: [5], teacherPrompt: [5], response: [1, 2, 3], decided: [3, -1, 5], state: 1, last: 5,
            mask: Tiny.mask)
        #expect(far.near == [:] && far.far == [1, 2, 3])
        let targets = tempered.teacherDistributions([far], teacher: model)
        let gradient = try BatchGradient(parameters, threads: 1)
        let report = gradient.compute(
            tempered.batch([far], parameters.configuration, teacher: targets))
        #expect(abs(report.total) < 1e-5 && report.groups[0].rows == 0)
        #expect(GradientClipping.norm(gradient.gradient.buffer) < 1e-4)
    }

    @Test("a teacher behind another prompt predicts its own positions")
    func otherPrompt() throws {
        let parameters = Tiny.parameters(Tiny.configuration())
        let model = try Transformer(over: parameters)
        let targets = objective.teacherDistributions([example], teacher: model)
        let logits = model.logits(
            [ForwardInput(tokens: example.teacherTokens, logitRows: [5, 6])], Workspace())
        for row in 0..<2 {
            let expected = MutableMatrix(zeros: 1, 16)
            Kernels.softmax(logits.row(row), into: expected.row(0))
            #expect(Array(targets.row(row)) == Array(expected.view.row(0)))
        }
    }
}
