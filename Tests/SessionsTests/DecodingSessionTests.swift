import ChatTemplates
import Decoding
import Files
import JSON
import SystemPackage
import TestSupport
import Testing
import Tokenizers

@testable import Sessions

@Suite struct DecodingSessionTests {
    let model: LiveModel

    init() throws { model = try LiveFixture.model() }

    /// Methods that one model is enough for.
    private static let methods = DecodingMethod.all.filter { !$0.needsVerifier }.map(\.name)

    @Test("a method with a second model is refused, since there is none; without its judgement it decodes")
    func verifier() throws {
        let error = #expect(throws: DecodingError.self) { try LiveFixture.setting(model, "apd") }
        #expect(error?.description.contains("needs a second model with these options") == true)
        let setting = try LiveFixture.setting(
            model, "apd", ["generationLength=8", "tokensPerForward=2", "temperature=0"])
        guard case .end? = try LiveFixture.events(model, setting).last else {
            return #expect(Bool(false), "no end")
        }
    }

    /// What the events add up to is what the decoder gives without anybody who watches.
    @Test(arguments: Self.methods)
    func eventsTellTheWholeResponse(method: String) throws {
        let setting = try LiveFixture.setting(model, method, ["generationLength=32"])
        let events = try LiveFixture.events(model, setting)
        var told: [Int: Int32] = [:]
        for event in events { for token in event.tokens { told[token.position] = token.token } }
        let prompt = try model.prompt(LiveFixture.question)
        var decoders = [
            setting.factory(
                DecodingTask(prompt: prompt.tokens, maskToken: model.maskToken, endToken: model.endToken))
        ]
        try BatchDecoder(model.transformer, threads: 1).decode(&decoders)
        let response = Array(decoders[0].state.response)
        // An autoregressive model may predict the mask token: then there is nothing to tell of it.
        for (position, token) in response.enumerated() where token != model.maskToken {
            #expect(told[position] == token, "position \(position)")
        }
        guard case .end(let end)? = events.last else { return #expect(Bool(false), "no end") }
        #expect(end.counters.evaluations == decoders[0].evaluations)
        #expect(end.counters.forwards == events.count - 2)
        // Masks that a method leaves before the end token are no tokens.
        let length = response.firstIndex(of: model.endToken ?? -1).map { $0 + 1 } ?? response.count
        let counted = response.prefix(length).count { $0 != model.maskToken }
        #expect(end.counters.tokens == counted || method == "autoregressive")
    }

    @Test func aMeasuredSettingStandsInForDefaultsAndSaysSo() throws {
        let chosen = ChosenSetting(
            method: "multi-block", values: ["threshold": 0.4, "generationLength": 24, "blockLength": 8],
            sentence: "Measured")
        let plain = try DecoderSetting(method: nil, settings: [], chosen: chosen, for: model)
        #expect(plain.method.name == "multi-block" && plain.remark == "Measured")
        #expect(plain.value("threshold")?.double == 0.4 && plain.integer("generationLength") == 24)
        // What was left open when it was measured was at its default, not at what suits models that were made here.
        #expect(plain.values["earlyStop"] == nil)
        let changed = try DecoderSetting(
            method: nil, settings: ["threshold=0.2", "generationLength=24"], chosen: chosen, for: model)
        #expect(changed.value("threshold")?.double == 0.2 && changed.integer("generationLength") == 24)
        #expect(changed.remark == "Measured; changed: threshold 0.2")
        let other = try DecoderSetting(method: "vanilla", settings: [], chosen: chosen, for: model)
        #expect(other.remark == nil && other.integer("generationLength") == 48)
        #expect(throws: DecodingError.self) {
            try DecoderSetting(method: nil, settings: ["treshold=1"], chosen: chosen, for: model)
        }
    }

    /// The tokens that are graded are those of the response; one that was stopped isn't graded.
    @Test func theVerdictIsOfTheWholeResponse() throws {
        let setting = try LiveFixture.setting(model)
        let events = try LiveFixture.events(model, setting)
        var told: [Int: Int32] = [:]
        for event in events { for token in event.tokens { told[token.position] = token.token } }
        let session = DecodingSession(model, setting, threads: 1) { [told] response in
            let isWhole = response.enumerated().allSatisfy { told[$0.offset] == $0.element }
            return AnswerVerdict(sample: "test-1", isCorrect: isWhole && !response.isEmpty, reference: "56")
        }
        let prompt = try model.prompt(LiveFixture.question)
        let end = try session.decode(prompt) { _ in }
        #expect(end.verdict?.sentence == "right: the answer to test-1 is 56")
        #expect(PlainText().lines(.end(end)).hasSuffix("\nright: the answer to test-1 is 56\n"))
        #expect(try session.decode(prompt, shouldStop: { true }, observe: { _ in }).verdict == nil)
        let ungraded = AnswerVerdict(sample: "a", isCorrect: nil, reference: nil, note: "It is a program.")
        #expect(ungraded.sentence == "not graded: It is a program.")
    }

    @Test func decodingStopsWhereItIsTold() throws {
        let events = try LiveFixture.events(model, LiveFixture.setting(model, "vanilla"), stopAfter: 3)
        #expect(events.count == 5)
        guard case .end(let end)? = events.last else { return #expect(Bool(false), "no end") }
        #expect(end.reason == .cancelled && end.counters.forwards == 3)
    }

    @Test func aPromptThatDoesNotFitIsRefusedWithBothLengths() throws {
        let setting = try LiveFixture.setting(model, "vanilla", ["generationLength=4096"])
        let error = #expect(throws: SessionError.self) { try LiveFixture.events(model, setting) }
        #expect(error?.description.contains("was made for 4096") == true)
        #expect(throws: SessionError.self) { try model.prompt(" \n") }
    }

    @Test(arguments: Self.methods)
    func aPromptWithoutTokensIsRefusedByEveryMethod(method: String) throws {
        let setting = try LiveFixture.setting(model, method)
        let empty = LivePrompt(text: "", tokens: [])
        let error = #expect(throws: SessionError.self) {
            try DecodingSession(model, setting, threads: 1).decode(empty) { _ in }
        }
        #expect(error?.code == .invalidPrompt)
        // Whoever drives decoders without a session gets an error too.
        let task = DecodingTask(prompt: [], maskToken: model.maskToken, endToken: model.endToken)
        var decoders = [setting.factory(task)]
        let refused = #expect(throws: DecodingError.self) {
            try BatchDecoder(model.transformer, threads: 1).decode(&decoders)
        }
        #expect(refused?.code == .invalidSequence)
    }

    @Test func aModelWithoutAMaskTokenIsDecodedByItsOwnMethodOnly() throws {
        let causal = try LiveModel(folder: Fixtures.path("live/causal"), threads: 1)
        #expect(!causal.hasMaskToken && model.hasMaskToken)
        #expect(try DecoderSetting(method: nil, values: [:], for: causal).method.name == "autoregressive")
        for method in DecodingMethod.all where method.needsMask {
            let error = #expect(throws: DecodingError.self) {
                try DecoderSetting(method: method.name, settings: [], for: causal)
            }
            #expect(error?.description.contains("has no mask token") == true)
        }
        #expect(
            DecodingMethod.all.filter { !$0.needsMask }.map(\.name) == [
                "autoregressive", "jacobi", "jacobi-multi-block", "swift",
            ])
        for messages in [
            [ChatMessage(role: "user", content: "")], [ChatMessage(role: "system", content: "")], [],
        ] {
            #expect(throws: SessionError.self) { try causal.prompt(messages) }
        }
        #expect(throws: SessionError.self) { try causal.prompt(raw: "") }
        #expect(throws: SessionError.self) { try causal.prompt(tokens: []) }
        for token in [-1, 259, .max, .min] {
            #expect(throws: SessionError.self) { try causal.prompt(tokens: [1, token]) }
        }
        #expect(try causal.prompt(tokens: [97, 98]) == causal.prompt(raw: "ab"))
    }

    /// The weights aren't read first: of a large model that takes minutes.
    @Test func aMethodWithoutAMaskTokenIsRefusedBeforeTheWeightsAreRead() throws {
        let folder = try ScratchFolder()
        let source = Fixtures.path("live/causal")
        for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
            try FileSystem.writeAtomically(
                FileSystem.read(source.appending(name)), to: folder.path.appending(name))
        }
        let error = #expect(throws: DecodingError.self) {
            try LiveModel(folder: folder.path, threads: 1, method: "multi-block")
        }
        let name = folder.path.lastComponent?.string ?? ""
        #expect(
            error?.description
                == DecodingMethod.withoutMask(name, neededBy: "the decoding method \"multi-block\""))
        #expect(
            error?.description.hasPrefix(
                "\(name) has no mask token: neither config.json (\"mask_token_id\") nor the tokenizer names a mask token, which the decoding method \"multi-block\" needs. Autoregressive models have none: decode them with the method \"autoregressive\""
            ) == true)
        // With a method that suits it, the weights are what is missing.
        for method in ["autoregressive", nil] {
            let error = #expect(throws: (any Error).self) {
                try LiveModel(folder: folder.path, threads: 1, method: method)
            }
            #expect(!(error is DecodingError) && error != nil)
        }
        #expect(throws: DecodingError.self) {
            try LiveModel(folder: source, threads: 1, method: "multi-blok")
        }
    }

    @Test func logProbabilitiesAreToldOfAutoregressiveDecodingOnly() throws {
        let random = try LiveModel(folder: Fixtures.path("live/random"), threads: 1)
        let prompt = try random.prompt(raw: "ab \u{E9}")
        var told: [[Int]] = []
        let setting = try DecoderSetting(method: nil, settings: ["generationLength=2"], for: random)
        let asked = LikelihoodRequest(alternatives: 1, ofPrompt: true)
        try DecodingSession(random, setting, threads: 1).decode(prompt, likelihoods: asked) { event in
            if case .step(let step) = event { told.append(step.likelihoods.map(\.position)) }
        }
        #expect(told == [[1, 2, 3, 4, 5], [6]])
        // Whoever leaves while a long prompt is scored isn't waited for.
        told = []
        let long = try random.prompt(tokens: Array(repeating: 97, count: 200))
        let end = try DecodingSession(random, setting, threads: 1).decode(long, likelihoods: asked) {
            !told.isEmpty
        } observe: { event in
            if case .step(let step) = event { told.append(step.likelihoods.map(\.position)) }
        }
        #expect(end.reason == .cancelled && end.counters.forwards == 1)
        #expect(told == [Array(1...64)])
        for method in Self.methods {
            let setting = try LiveFixture.setting(model, method)
            let error = #expect(throws: SessionError.self) {
                try DecodingSession(model, setting, threads: 1).decode(
                    model.prompt(LiveFixture.question), likelihoods: asked
                ) { _ in }
            }
            #expect(error?.description.hasPrefix("words is a masked-diffusion model") == true)
        }
    }

    @Test func aTextOfNoTokensIsSettledFromTheBeginning() throws {
        var settled = SettledText(model.tokenizer, limit: 0)
        #expect(settled.ending == .length && settled.count == 0)
        for event in try LiveFixture.events(model, LiveFixture.setting(model)) {
            #expect(settled.take(event).isEmpty)
        }
        #expect(settled.count == 0)
    }

    @Test func typedQuestionsAreSpacedAndUnknownWordsNamed() throws {
        let prompt = try model.prompt("Julia owns 54 zebras. How many?<|mask|>")
        #expect(prompt.text == "Julia owns 54 zebras . How many ? < |mask|>")
        #expect(prompt.notes == ["The model doesn't know \"zebras\", \"<\", \"|mask|>\"."])
        #expect(!prompt.tokens.contains(model.maskToken))
    }

    @Test func samplesAreFoundAndOthersRefusedWithWhatThereIs() throws {
        let folder = Fixtures.path("live/problems")
        #expect(try SampleFinder.find("test-1", in: folder).question.hasPrefix("Julia owns 54"))
        let error = #expect(throws: SessionError.self) { try SampleFinder.find("test-9", in: folder) }
        #expect(error?.description.contains("test.jsonl has 5, from test-0 to test-4") == true)
    }

    /// A model with a chat template keeps the conversation; one without says that it doesn't.
    @Test func onlyAChatTemplateMakesAConversation() throws {
        let asked = ChatMessage(role: "user", content: "Anna has 3 pens .")
        let told = [asked, ChatMessage(role: "assistant", content: "#### 3"), asked]
        #expect(try model.prompt(told).notes.last?.contains("last message only") == true)
        #expect(model.manner == .wordProblems && model.caveat?.contains("generated word problems") == true)
        let folder = try ScratchFolder()
        for name in try FileSystem.list(LiveFixture.folder) {
            let bytes = try FileSystem.read(LiveFixture.folder.appending(name))
            try FileSystem.writeAtomically(bytes, to: folder.path.appending(name))
        }
        try FileSystem.writeAtomically(
            "{% for m in messages %}{{ m.content }} {% endfor %}<|sep|>",
            to: folder.path.appending("chat_template.jinja"))
        let chat = try LiveModel(folder: folder.path, threads: 1)
        #expect(chat.manner == .conversation && chat.caveat == nil)
        #expect(try chat.prompt(told).tokens.count == 2 * (try model.prompt([asked]).tokens.count - 1) + 3)
    }

    @Test func settingsAreCheckedByTheMethodsOwnDescription() throws {
        let setting = try LiveFixture.setting(model, "multi-block", ["threshold=0.25", "family=dream"])
        #expect(setting.values["threshold"] == .number(0.25) && setting.values["family"] == .string("dream"))
        #expect(setting.integer("generationLength") == 48)
        #expect(
            try LiveFixture.setting(model, nil, ["threshold=null"]).values["threshold"] == JSONValue.null
        )
        for (settings, message) in [
            (["treshold=1"], "Did you mean \"threshold\"?"), (["threshold=x"], "should be a number"),
            (["earlyStop=yes"], "should be true or false"), (["threshold"], "Write name=value"),
        ] {
            let error = #expect(throws: (any Error).self) { try LiveFixture.setting(model, nil, settings) }
            #expect(error.map { "\($0)".contains(message) } == true, "\(settings)")
        }
    }

    /// Numbers without an end, as the entropy of a position without logits, have no place in JSON.
    @Test func eventsAreJSON() throws {
        for event in try LiveFixture.events(model, LiveFixture.setting(model)) {
            _ = try JSONDocument(parsing: event.json.compactBytes(), name: "event")
        }
        let token = DecodingEvent.Token(
            position: 0, token: 5, bytes: [0xE2, 0x82], isEnd: false, entropy: .nan, probability: .infinity)
        let counters = DecodingEvent.Counters(tokens: 1, evaluations: 0, forwards: 1, seconds: 0)
        let event = DecodingEvent.end(
            .init(reason: .length, tokens: [token], length: 1, text: "", counters: counters))
        let json = event.json["tokens"]?.array?.first
        #expect(json?["entropy"] == .null && json?["probability"] == .null && json?["text"] == .null)
        #expect(json?["bytes"] == [0xE2, 0x82])
    }
}
