import Files
import JSON
import SystemPackage
import TestSupport
import Testing
import Tokenizers

/// Tokenizers that get a mask token; expected ids are those of transformers 5.24.0 with tokenizers 0.23.3
/// (`add_special_tokens({"mask_token": …})` over the same file).
@Suite struct MaskedTokenizerTests {
    private let scratch: ScratchFolder
    private var folder: FilePath { scratch.path }

    init() throws {
        scratch = try ScratchFolder()
        try FileSystem.writeAtomically(
            FileSystem.read(Fixtures.path("golden/tokenizers/qwen2/tokenizer.json")),
            to: scratch.path.appending("tokenizer.json"))
    }

    private func write(_ made: MaskedTokenizer) throws {
        for (name, bytes) in made.files { try FileSystem.writeAtomically(bytes, to: folder.appending(name)) }
    }

    @Test func aNewTokenGetsTheNextIdAndIsFoundInText() throws {
        try FileSystem.writeAtomically(
            #"{"eos_token": "<|endoftext|>", "added_tokens_decoder": {"400": {"content": "<|endoftext|>", "lstrip": false, "normalized": false, "rstrip": false, "single_word": false, "special": true}}}"#,
            to: folder.appending("tokenizer_config.json"))
        try FileSystem.writeAtomically(
            #"{"eos_token": "<|endoftext|>"}"#, to: folder.appending("special_tokens_map.json"))
        let made = try MaskedTokenizer(folder, token: "<|hole|>")
        #expect(made.id == 405)
        #expect(
            Set(made.files.keys) == ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"])
        try write(made)
        let tokenizer = try TokenizerFiles(folder: folder).tokenizer
        #expect(tokenizer.maskTokenId == 405 && tokenizer.eosTokenId == 400)
        let text = "one<|hole|> two <|hole|><|mask|> 12 <|hole|>x"
        let ids = try tokenizer.encode(text: text)
        #expect(ids == [332, 405, 283, 86, 78, 220, 405, 403, 220, 16, 17, 220, 405, 87])
        #expect(tokenizer.decode(tokenIds: ids) == text)
        #expect(tokenizer.decode(tokenIds: ids, skipSpecialTokens: true) == "one two  12 x")
        // Once more it is there already.
        let again = try MaskedTokenizer(folder, token: "<|hole|>")
        #expect(again.id == 405 && again.files["tokenizer.json"] == nil)
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            let root = try JSONDocument(parsing: FileSystem.read(folder.appending(name)), name: name).root
            #expect(root["mask_token"]?.string == "<|hole|>" && root["eos_token"]?.string == "<|endoftext|>")
        }
    }

    @Test func aTokenThatIsThereKeepsItsId() throws {
        let made = try MaskedTokenizer(folder, token: "<|mask|>")
        #expect(made.id == 403 && Array(made.files.keys) == ["tokenizer_config.json"])
        try write(made)
        #expect(try TokenizerFiles(folder: folder).tokenizer.maskTokenId == 403)
    }

    @Test func withoutATokenizerFileNothingCanBeAdded() throws {
        let separate = Fixtures.path("tokenizer/files")
        let error = #expect(throws: TokenizerError.self) {
            try MaskedTokenizer(separate, token: "<|never there|>")
        }
        #expect(error?.description.contains("There is no tokenizer.json that the token") == true)
    }
}
