internal import Files
internal import JSON
package import SystemPackage

/// A question of a data set that is decoded in front of people.
package struct LiveSample: Sendable {
    package let question: String
    /// Grades an answer to it.
    package let check: AnswerCheck

    package init(question: String, check: @escaping AnswerCheck) {
        (self.question, self.check) = (question, check)
    }
}

/// The questions that can be asked by their ids.
package struct LiveSamples: Sendable {
    /// The id of the first, for examples.
    package let first: String
    /// The question of an id; throws ``SessionError`` for one that there isn't.
    package let find: @Sendable (_ id: String) throws -> LiveSample

    package init(first: String, find: @escaping @Sendable (_ id: String) throws -> LiveSample) {
        (self.first, self.find) = (first, find)
    }
}

/// Finds a problem of a data set by its id.
package enum SampleFinder {
    /// A question of a data set with its worked solution.
    package struct Sample: Sendable, Hashable {
        package let id: String
        package let question: String
        package let response: String?
    }

    /// The id of the first sample; nil where there is none that can be read.
    package static func first(in folder: FilePath) -> String? {
        for file in files {
            guard let bytes = try? FileSystem.read(folder.appending(file), limit: FileLimit.data),
                let line = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1).first,
                let root = try? JSONDocument(parsing: Array(line), name: file, allowNonFinite: true).root,
                let id = root["id"]?.string
            else { continue }
            return id
        }
        return nil
    }

    /// Those that are asked first.
    private static let files = ["test.jsonl", "questions.jsonl", "train.jsonl"]

    /// The sample with this id, of the test part or of the training part.
    ///
    /// - Throws: ``SessionError`` that says which ids there are; `JSONSyntaxError`, `FileError`.
    package static func find(_ id: String, in folder: FilePath) throws -> Sample {
        var known: [(file: String, ids: [String])] = []
        for file in files {
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
