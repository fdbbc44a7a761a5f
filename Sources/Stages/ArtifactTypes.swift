public import Recipes

extension ArtifactType {
    /// Problems with worked solutions: train.jsonl and test.jsonl.
    public static let dataset = ArtifactType("dataset")
    /// Files of an input from outside.
    public static let files = ArtifactType("files")
    /// Questions of a benchmark with what grades them: questions.jsonl and task.json.
    public static let benchmark = ArtifactType("benchmark")
    /// A tokenizer.json with its configuration.
    public static let tokenizer = ArtifactType("tokenizer")
    /// A checkpoint folder in Hugging Face layout, its tokenizer included.
    public static let model = ArtifactType("model")
    /// Decoded responses with the order in which a teacher decoded them: trajectories.jsonl.
    public static let trajectories = ArtifactType("trajectories")
    /// Per-sample results of one decoder setting: samples.jsonl.
    public static let samples = ArtifactType("samples")
    /// A table of results.
    public static let table = ArtifactType("table")
    /// Tables of several repeats put together.
    public static let summary = ArtifactType("summary")
}
