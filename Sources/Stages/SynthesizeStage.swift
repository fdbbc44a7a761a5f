internal import Evaluation
internal import JSON
package import Recipes
package import Runs
internal import SystemPackage

/// Generates a data set: problems to train on and unseen ones to be tested on.
package struct SynthesizeStage: StageKind {
    package static let name = "synthesize"
    package static let version = 1
    package static let summary =
        "Generates word problems with worked solutions, split by a hash of the question."
    package static let output = ArtifactType.dataset
    package static let parts = ["train", "test"]

    enum Task: String, CaseIterable {
        case wordProblems = "word-problems"
    }

    let task: Task
    let train: Int
    let test: Int
    let options: WordProblems.Options

    package init(_ fields: Fields) {
        task = fields.choice("task", default: Task.wordProblems, "What the problems are about.")
        train = fields.integer("train", default: 20_000, in: 1...10_000_000, "Problems to train on.")
        test = fields.integer("test", default: 1000, in: 1...100_000, "Unseen problems, all different.")
        options = WordProblems.Options(
            steps: fields.integer("steps", default: 2, in: 1...3, "Changes of the total per problem."),
            variantDecay: fields.number(
                "variantDecay", default: 0.5, in: .above(0, upTo: 1),
                "Wording k of a sentence in the solution has weight variantDecay^k; 1 makes all equally likely."
            ),
            order: fields.optionalChoice(
                "order",
                "forward (the default): a sum, then its result; result-first: the result, then the sum that it depends on."
            ) ?? .forward)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let task = try WordProblems(options: options, seed: context.seed)
        let training = try task.problems(.train, count: train)
        try context.checkCancellation()
        let testing = try task.problems(.test, count: test)
        try ProblemFile.write(training, to: context.output.appending("train.jsonl"))
        try ProblemFile.write(testing, to: context.output.appending("test.jsonl"))
        return StageResult(
            summary: "\(training.count) problems to train on, \(testing.count) to test",
            metrics: ["train": .integer(training.count), "test": .integer(testing.count)])
    }
}
