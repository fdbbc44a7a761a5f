internal import Documents
internal import Files
internal import JSON
package import SystemPackage
package import Transformers

/// A folder of recorded cases: `decode_*.json`, `trajectory.json`, … and `models/<name>/`.
package final class ParityFolder {
    package let path: FilePath
    private var models: [String: Transformer] = [:]

    package init(_ path: FilePath) { self.path = path }

    /// Whether the folder has this file.
    package func has(_ name: String) -> Bool { FileSystem.exists(path.appending(name)) }

    /// The cases of a JSON file.
    func cases(of name: String) throws -> CaseNode {
        let file = path.appending(name)
        let document = try JSONDocument(parsing: try FileSystem.read(file), name: file.string)
        return CaseNode(document.root, subject: "the file")
    }

    /// The model `models/<name>`; loaded once.
    package func model(_ name: String) throws -> Transformer {
        if let model = models[name] { return model }
        let model = try Checkpoint.load(try modelFolder(name))
        models[name] = model
        return model
    }

    /// The family that a model's `config.json` names, in lower case.
    ///
    /// Without that file it is the first part of the model's name, so that a file may hold cases of families
    /// whose models aren't in the folder.
    func family(ofModel name: String) throws -> String {
        let configuration = "models/\(try plain(name))/config.json"
        guard has(configuration) else { return String(name.unicodeScalars.prefix { $0 != "_" }) }
        return try cases(of: configuration).string("model_type").lowercased()
    }

    private func modelFolder(_ name: String) throws -> FilePath {
        path.appending("models").appending(try plain(name))
    }

    /// A name that stays inside the folder.
    private func plain(_ name: String) throws -> String {
        guard FilePath(foreign: name) != nil, FilePath.Component(name)?.kind == .regular else {
            throw ParityError("\"\(name)\" can't be the name of a model in \(path)/models.")
        }
        return name
    }
}
