package import Recipes

extension ArtifactType {
    /// Problems with worked solutions: train.jsonl and test.jsonl.
    package static let dataset = ArtifactType("dataset")
    /// Files of an input from outside.
    package static let files = ArtifactType("files")
    /// Questions of a benchmark with what grades them: questions.jsonl and task.json.
    package static let benchmark = ArtifactType("benchmark")
    /// A tokenizer.json with its configuration.
    package static let tokenizer = ArtifactType("tokenizer")
    /// A checkpoint folder in Hugging Face layout, its tokenizer included.
    package static let model = ArtifactType("model")
    /// Decoded responses with the order in which a teacher decoded them: trajectories.jsonl.
    package static let trajectories = ArtifactType("trajectories")
    /// Per-sample results of one decoder setting: samples.jsonl.
    package static let samples = ArtifactType("samples")
    /// A table of results.
    package static let table = ArtifactType("table")
    /// Tables of several repeats put together.
    package static let summary = ArtifactType("summary")
}
