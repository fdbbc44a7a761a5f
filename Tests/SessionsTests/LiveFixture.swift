import Decoding
import Sessions
import SystemPackage
import TestSupport

/// The small model that live decoding is tested with.
enum LiveFixture {
    static let folder = Fixtures.path("live/words")
    static let question = "Julia owns 54 shells . On Sunday she buys 2 more . How many shells now ?"

    static func model() throws -> LiveModel { try LiveModel(folder: folder, threads: 1) }

    static func setting(
        _ model: LiveModel, _ method: String? = nil, _ settings: [String] = []
    ) throws -> DecoderSetting {
        try DecoderSetting(method: method, settings: settings, for: model)
    }

    /// All events of one response.
    static func events(
        _ model: LiveModel, _ setting: DecoderSetting, stopAfter steps: Int = .max
    ) throws -> [DecodingEvent] {
        var events: [DecodingEvent] = []
        try DecodingSession(model, setting, threads: 1).decode(
            model.prompt(question), shouldStop: { events.count > steps }, observe: { events.append($0) })
        return events
    }
}

extension DecodingEvent {
    /// The tokens that changed.
    var tokens: [Token] {
        switch self {
        case .start: []
        case .step(let step): step.tokens
        case .end(let end): end.tokens
        }
    }
}
