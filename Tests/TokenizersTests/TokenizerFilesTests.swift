import ChatTemplates
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

/// Folders of tokenizers, against what Hugging Face's `transformers` does with them.
///
/// Recorded by `scripts/record-tokenizer-folder-cases.py`.
struct TokenizerFilesTests {
    @Test(arguments: ["files", "extended"]) func foldersAreReadAsTheLibraryDoes(_ name: String) throws {
        let folder = Fixtures.path("tokenizer/\(name)")
        let files = try TokenizerFiles(folder: folder)
        let tokenizer = files.tokenizer
        let path = folder.appending("cases.json")
        let root = JSONValue(try JSONDocument(parsing: FileSystem.read(path), name: path.string).root)

        #expect(tokenizer.vocabularySize == root["size"]?.int)
        let roles = [
            ("bos", tokenizer.bosTokenId), ("eos", tokenizer.eosTokenId), ("pad", tokenizer.padTokenId),
            ("mask", tokenizer.maskTokenId), ("unk", tokenizer.unknownTokenId),
        ]
        for (role, id) in roles { #expect(id == root["roles"]?[role]?.int, "\(role)") }
        for entry in try #require(root["cases"]?.array) {
            let text = try #require(entry["text"]?.string)
            let ids = (entry["ids"]?.array ?? []).compactMap(\.int)
            #expect(try tokenizer.encode(text: text) == ids, "\(text)")
            #expect(
                try tokenizer.encode(text: text, addSpecialTokens: false)
                    == (entry["plain"]?.array ?? []).compactMap(\.int), "\(text)")
            let skipped = tokenizer.decode(tokenIds: ids, skipSpecialTokens: true)
            #expect(Array(skipped.utf8) == entry["skipped"]?.string.map { Array($0.utf8) }, "\(text)")
        }

        let messages = (root["messages"]?.array ?? []).compactMap { $0.object.map { ChatMessage($0) } }
        #expect(messages.count == 2)
        #expect(files.hasChatTemplate)
        #expect(try files.applyChatTemplate(to: messages) == root["chat"]?.string)
        #expect(try files.encodeChat(messages) == (root["chat_ids"]?.array ?? []).compactMap(\.int))
    }

    /// `clean_up_tokenization_spaces`, whole and token by token.
    @Test func spacesAreCleanedUpAsTheLibraryDoes() throws {
        let folder = Fixtures.path("tokenizer/extended")
        func document(_ name: String) throws -> JSONDocument {
            try JSONDocument(parsing: FileSystem.read(folder.appending(name)), name: name)
        }
        var configuration = try #require(JSONValue(document("tokenizer_config.json").root).object)
        configuration["clean_up_tokenization_spaces"] = true
        let tokenizer = try ByteLevelTokenizer(
            tokenizer: document("tokenizer.json"),
            configuration: JSONDocument(parsing: JSONValue.object(configuration).compactBytes(), name: "c"))
        let cases = try #require(JSONValue(document("cleanup.json").root).array)
        #expect(cases.count == 160)
        var changed = 0
        for entry in cases {
            let ids = (entry["ids"]?.array ?? []).compactMap(\.int)
            for (key, skips) in [("cleaned", true), ("all", false)] {
                let expected = try #require(entry[key]?.string)
                let whole = tokenizer.decode(tokenIds: ids, skipSpecialTokens: skips)
                #expect(Array(whole.utf8) == Array(expected.utf8), "\(ids)")
                var stream = StreamingDetokenizer(tokenizer, skipSpecialTokens: skips)
                for _ in 0..<2 {
                    let parts = ids.map { stream.append($0) }.joined() + stream.finish()
                    #expect(Array(parts.utf8) == Array(expected.utf8), "\(ids)")
                }
            }
            if tokenizer.exactText(of: ids) != entry["all"]?.string { changed += 1 }
        }
        #expect(changed > 80)
        try withFolder(["clean_up_tokenization_spaces": true]) { folder in
            let words = try TokenizerFiles(folder: folder).tokenizer
            #expect(words.cleansUpSpaces)
        }
        try withFolder(["clean_up_tokenization_spaces": "yes"]) { folder in
            #expect(throws: TokenizerError.self) { try TokenizerFiles(folder: folder) }
        }
    }

    @Test func theTemplateOfLLaDAIsWrittenAsItsPapersDo() throws {
        let files = try TokenizerFiles(folder: Fixtures.path("tokenizer/extended"))
        let text = try files.applyChatTemplate(
            to: [ChatMessage(role: "user", content: " What is 2 + 2? ")],
            variables: ["bos_token": "<|startoftext|>"])
        #expect(
            text == "<|startoftext|><|start_header_id|>user<|end_header_id|>\n\nWhat is 2 + 2?<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n")
    }

    /// A folder with a word-level tokenizer and, if given, a configuration with `members` and a template file.
    private func withFolder(
        _ members: JSONObject = [:], template: String? = nil, _ check: (FilePath) throws -> Void
    ) throws {
        let folder = FilePath("/tmp/d3llm-tokenizer-\(UInt64.random(in: 0...UInt64.max))")
        try FileSystem.createDirectory(folder)
        defer { try? FileSystem.remove(folder) }
        try WordLevelTokenizer.train(on: ["a b"]).write(to: folder)
        let path = folder.appending("tokenizer_config.json")
        var configuration = try #require(
            JSONValue(try JSONDocument(parsing: FileSystem.read(path), name: "c").root).object)
        for member in members.members { configuration[member.key] = member.value }
        try FileSystem.writeAtomically(JSONValue.object(configuration).prettyBytes(), to: path)
        if let template {
            try FileSystem.writeAtomically(template, to: folder.appending("chat_template.jinja"))
        }
        try check(folder)
    }

    @Test func aWordLevelTokenizerIsReadToo() throws {
        try withFolder { folder in
            let files = try TokenizerFiles(folder: folder)
            #expect(try files.tokenizer.encode(text: "a b").count == 2)
            #expect(files.tokenizer.padTokenId == files.tokenizer.eosTokenId)
            #expect(files.specialTokens["mask_token"] == "<|mask|>")
            #expect(!files.hasChatTemplate)
            let error = #expect(throws: ChatTemplateError.self) { try files.encodeChat([]) }
            #expect(error?.message.contains("has no chat template") == true)
        }
    }

    @Test func aTemplateThatIsNotUnderstoodOnlyFailsWhoAsksForIt() throws {
        try withFolder(["chat_template": "{% unknown f() %}"]) { folder in
            let files = try TokenizerFiles(folder: folder)
            #expect(files.hasChatTemplate)
            let error = #expect(throws: ChatTemplateError.self) { try files.chatTemplate() }
            #expect(
                error?.description.contains("chat_template:1:4: The statement `unknown`") == true,
                "\(error.debugDescription)")
        }
    }

    @Test func theFileComesBeforeTheConfigurationAndTheDefaultBeforeOthers() throws {
        let message = [ChatMessage(role: "user", content: "x")]
        let several: JSONValue = [
            ["name": "tool_use", "template": "tools"], ["name": "default", "template": "{{ eos_token }}!"],
        ]
        try withFolder(["chat_template": several]) { folder in
            let text = try TokenizerFiles(folder: folder).applyChatTemplate(to: message)
            #expect(text == "<|endoftext|>!")
        }
        try withFolder(["chat_template": several], template: "file\n") { folder in
            let text = try TokenizerFiles(folder: folder).applyChatTemplate(to: message)
            #expect(text == "file")
        }
    }

    @Test func whatIsMissingOrUnknownIsNamed() throws {
        func message(_ change: (FilePath) throws -> Void) throws -> String {
            var text = ""
            try withFolder { folder in
                try change(folder)
                do {
                    _ = try TokenizerFiles(folder: folder)
                } catch { text = "\(error)" }
            }
            return text
        }
        #expect(
            try message { try FileSystem.remove($0.appending("tokenizer.json")) }.contains(
                "A tokenizer.json is expected"))
        #expect(
            try message {
                try FileSystem.writeAtomically(
                    #"{"model": {"type": "Unigram"}}"#, to: $0.appending("tokenizer.json"))
            }.contains(
                "at $.model.type: The model `Unigram` isn't supported; supported here: BPE, WordLevel."))
        #expect(
            try message { folder in
                try FileSystem.remove(folder.appending("tokenizer.json"))
                try FileSystem.writeAtomically("{}", to: folder.appending("vocab.json"))
                try FileSystem.writeAtomically("", to: folder.appending("merges.txt"))
            }.contains("the class `PreTrainedTokenizerFast` isn't supported"))
    }
}
