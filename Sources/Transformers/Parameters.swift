/// The parameters of one block; `T` is a matrix view.
///
/// Weights are [outputs × inputs], vectors one row.
public struct BlockParameters<T: Sendable>: Sendable {
    public var attentionNorm: T
    public var query: T
    public var key: T
    public var value: T
    public var queryBias: T?
    public var keyBias: T?
    public var valueBias: T?
    /// 1 × K, of all query heads.
    public var queryNorm: T?
    /// 1 × K, of all key heads.
    public var keyNorm: T?
    public var attentionOutput: T
    public var feedForwardNorm: T
    public var gate: T
    public var up: T
    public var down: T
}

/// All parameters of a transformer: weights, gradients or optimiser state, by the type of `T`.
public struct ModelParameters<T: Sendable>: Sendable {
    /// V × D.
    public var embedding: T
    public var blocks: [BlockParameters<T>]
    /// 1 × D.
    public var finalNorm: T
    /// V × D, or `nil` where the embedding is the head.
    public var head: T?
}

/// What a parameter is for, independent of how a family names it.
public enum ParameterRole: Sendable, Hashable {
    case embedding
    case block(Int, BlockRole)
    case finalNorm
    case head

    /// The parameters of a block.
    public enum BlockRole: String, Sendable, CaseIterable {
        case attentionNorm, query, key, value, queryBias, keyBias, valueBias, queryNorm, keyNorm
        case attentionOutput, feedForwardNorm, gate, up, down
    }
}

/// One parameter: its role and its shape.
public struct ParameterSpecification: Sendable, Hashable {
    public let role: ParameterRole
    public let rows: Int
    public let columns: Int
    /// A bias or a norm's weight: stored with one dimension.
    public let isVector: Bool
    public var count: Int { rows * columns }

    /// Whether this is a norm's weight, which begins at 1 in models made from scratch.
    public var isNorm: Bool {
        switch role {
        case .finalNorm: true
        case .block(_, .attentionNorm), .block(_, .queryNorm), .block(_, .keyNorm): true
        case .block(_, .feedForwardNorm): true
        default: false
        }
    }
}

extension TransformerConfiguration {
    /// Every parameter of the model, in the order in which they are laid out.
    public var parameterSpecifications: [ParameterSpecification] {
        func matrix(_ role: ParameterRole, _ rows: Int, _ columns: Int) -> ParameterSpecification {
            ParameterSpecification(role: role, rows: rows, columns: columns, isVector: false)
        }
        func vector(_ role: ParameterRole, _ columns: Int) -> ParameterSpecification {
            ParameterSpecification(role: role, rows: 1, columns: columns, isVector: true)
        }
        var result = [matrix(.embedding, vocabulary, width)]
        for i in 0..<layers {
            result += [
                vector(.block(i, .attentionNorm), width),
                matrix(.block(i, .query), queryWidth, width),
                matrix(.block(i, .key), keyValueWidth, width),
                matrix(.block(i, .value), keyValueWidth, width),
            ]
            if queryKeyValueBias {
                result += [
                    vector(.block(i, .queryBias), queryWidth),
                    vector(.block(i, .keyBias), keyValueWidth),
                    vector(.block(i, .valueBias), keyValueWidth),
                ]
            }
            if queryKeyNorm {
                result += [
                    vector(.block(i, .queryNorm), headWidth), vector(.block(i, .keyNorm), headWidth),
                ]
            }
            result += [
                matrix(.block(i, .attentionOutput), width, queryWidth),
                vector(.block(i, .feedForwardNorm), width),
                matrix(.block(i, .gate), feedForwardWidth, width),
                matrix(.block(i, .up), feedForwardWidth, width),
                matrix(.block(i, .down), width, feedForwardWidth),
            ]
        }
        result.append(vector(.finalNorm, width))
        if !tiedHead { result.append(matrix(.head, vocabulary, width)) }
        return result
    }

    /// Number of scalar parameters.
    public var parameterCount: Int { parameterSpecifications.reduce(0) { $0 + $1.count } }
}

extension ModelParameters {
    /// Builds the structure by asking `make` for each parameter in order of layout.
    public init<E: Error>(
        _ configuration: TransformerConfiguration, make: (ParameterSpecification) throws(E) -> T
    ) throws(E) {
        var made: [ParameterRole: T] = [:]
        for specification in configuration.parameterSpecifications {
            made[specification.role] = try make(specification)
        }
        func take(_ role: ParameterRole) -> T {
            guard let value = made[role] else { preconditionFailure("no parameter \(role)") }
            return value
        }
        embedding = take(.embedding)
        finalNorm = take(.finalNorm)
        head = made[.head]
        blocks = (0..<configuration.layers).map { i in
            BlockParameters(
                attentionNorm: take(.block(i, .attentionNorm)), query: take(.block(i, .query)),
                key: take(.block(i, .key)), value: take(.block(i, .value)),
                queryBias: made[.block(i, .queryBias)], keyBias: made[.block(i, .keyBias)],
                valueBias: made[.block(i, .valueBias)], queryNorm: made[.block(i, .queryNorm)],
                keyNorm: made[.block(i, .keyNorm)], attentionOutput: take(.block(i, .attentionOutput)),
                feedForwardNorm: take(.block(i, .feedForwardNorm)), gate: take(.block(i, .gate)),
                up: take(.block(i, .up)), down: take(.block(i, .down)))
        }
    }

    /// The same structure with every parameter replaced.
    func map<U>(_ configuration: TransformerConfiguration, _ transform: (T) -> U) -> ModelParameters<U> {
        ModelParameters<U>(configuration) { (specification) -> U in
            guard let value = self[specification.role] else {
                preconditionFailure("no parameter \(specification.role)")
            }
            return transform(value)
        }
    }
}
