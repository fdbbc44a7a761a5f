internal import Files
internal import JSON
package import SystemPackage

/// Finds a problem of a data set by its id.
package enum SampleFinder {
    /// A question of a data set with its worked solution.
    package struct Sample: Sendable, Hashable {
        package let id: String
        package let question: String
        package let response: String?
    }

    /// The sample with this id, of the test part or of the training part.
    ///
    /// - Throws: ``SessionError`` that says which ids there are; `JSONSyntaxError`, `FileError`.
    package static func find(_ id: String, in folder: FilePath) throws -> Sample {
        var known: [(file: String, ids: [String])] = []
        for file in ["test.jsonl", "questions.jsonl", "train.jsonl"] {
            let path = folder.appending(file)
            guard FileSystem.exists(path) else { continue }
            var ids: [String] = []
            for line in try FileSystem.read(path, limit: FileLimit.data).split(separator: UInt8(ascii: "\n"))
            {
                let root = try JSONDocument(parsing: Array(line), name: path.string, allowNonFinite: true)
                    .root
                guard let found = root["id"]?.string else { continue }
                ids.append(found)
                guard found == id else { continue }
                // Generated problems have a question, those of tasks the prompt that is made of one.
                guard let question = root["question"]?.string ?? root["prompt"]?.string else {
                    throw SessionError(.unknownSample, "\(path): sample \(id) has no \"question\".")
                }
                return Sample(
                    id: id, question: question,
                    response: (root["response"] ?? root["record"]?["response"])?.string)
            }
            known.append((file, ids))
        }
        let parts = known.compactMap { part -> String? in
            guard let first = part.ids.first, let last = part.ids.last else { return nil }
            return "\(part.file) has \(part.ids.count), from \(first) to \(last)"
        }
        throw SessionError(
            .unknownSample,
            "\(folder) has no sample \"\(id)\". "
                + (parts.isEmpty ? "It has none." : "\(parts.joined(separator: "; "))."))
    }
}
