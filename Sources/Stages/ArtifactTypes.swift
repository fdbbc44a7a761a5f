package import Recipes

extension ArtifactType {
    /// Questions with what is wanted of an answer, whatever they come from; see ``DataSet``.
    package static let dataset = ArtifactType("dataset", formerNames: ["benchmark"])
    /// Files of an input from outside.
    package static let files = ArtifactType("files")
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
