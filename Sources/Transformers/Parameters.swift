public import Numerics

/// The parameters of one block; `T` is a matrix view.
///
/// Weights are [outputs × inputs], vectors one row; D, H, K and F are those of ``TransformerConfiguration``, kv its key and
/// value heads.
package struct BlockParameters<T: Sendable>: Sendable {
    /// 1 × D.
    package var attentionNorm: T
    /// H·K × D.
    package var query: T
    /// kv·K × D.
    package var key: T
    /// kv·K × D.
    package var value: T
    /// 1 × H·K.
    package var queryBias: T?
    /// 1 × kv·K.
    package var keyBias: T?
    /// 1 × kv·K.
    package var valueBias: T?
    /// 1 × K, of all query heads.
    package var queryNorm: T?
    /// 1 × K, of all key heads.
    package var keyNorm: T?
    /// D × H·K.
    package var attentionOutput: T
    /// 1 × D.
    package var feedForwardNorm: T
    /// F × D.
    package var gate: T
    /// F × D.
    package var up: T
    /// D × F.
    package var down: T
}

/// All parameters of a transformer: weights, gradients or optimiser state, by the type of `T`.
public struct ModelParameters<T: Sendable>: Sendable {
    /// V × D.
    package var embedding: T
    package var blocks: [BlockParameters<T>]
    /// 1 × D.
    package var finalNorm: T
    /// V × D, or `nil` where the embedding is the head.
    package var head: T?
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
    /// Outputs; 1 for a vector.
    public let rows: Int
    /// Inputs, or the elements of a vector.
    public let columns: Int
    /// A bias or a norm's weight: stored with one dimension.
    public let isVector: Bool
    public var count: Int { rows * columns }

    /// Whether this is a norm's weight, which begins at 1 in models made from scratch.
    package var isNorm: Bool {
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

/// All parameters in one buffer, in order of layout: what training changes, and what gradients and optimiser
/// state look like.
public final class FlatParameters: Sendable {
    package let configuration: TransformerConfiguration
    /// ``TransformerConfiguration/parameterCount`` elements.
    public let buffer: FloatBuffer
    /// Views into ``buffer`` by role.
    package let views: ModelParameters<MutableMatrix>
    /// Each parameter with the offset of its first element.
    package let specifications: [(specification: ParameterSpecification, offset: Int)]

    /// All parameters zero.
    package init(zeros configuration: TransformerConfiguration) {
        let buffer = FloatBuffer(zeros: configuration.parameterCount)
        var offset = 0
        var specifications: [(specification: ParameterSpecification, offset: Int)] = []
        views = ModelParameters(configuration) { (specification) -> MutableMatrix in
            defer { offset += specification.count }
            specifications.append((specification, offset))
            return buffer.matrix(rows: specification.rows, columns: specification.columns, offset: offset)
        }
        self.configuration = configuration
        self.buffer = buffer
        self.specifications = specifications
    }

    /// A copy of a model's parameters, for training.
    package convenience init(copying transformer: Transformer) {
        self.init(zeros: transformer.configuration)
        for (specification, offset) in specifications {
            buffer.matrix(rows: specification.rows, columns: specification.columns, offset: offset)
                .copy(from: transformer.parameter(specification.role))
        }
    }

    /// A copy of a model's parameters as those of a model that may have more tokens.
    ///
    /// A row of embedding and head that is new is the mean of those that are there.
    package convenience init(copying transformer: Transformer, as configuration: TransformerConfiguration) {
        precondition(
            configuration.vocabulary >= transformer.configuration.vocabulary, "tokens can only be added")
        self.init(zeros: configuration)
        for (specification, offset) in specifications {
            let stored = transformer.parameter(specification.role)
            buffer.matrix(rows: stored.rows, columns: stored.columns, offset: offset).copy(from: stored)
            guard specification.rows > stored.rows else { continue }
            let elements = buffer.pointer + offset
            var mean = [Double](repeating: 0, count: stored.columns)
            for row in 0..<stored.rows {
                for column in mean.indices { mean[column] += Double(elements[row * stored.columns + column]) }
            }
            for row in stored.rows..<specification.rows {
                for column in mean.indices {
                    elements[row * stored.columns + column] = Float(mean[column] / Double(stored.rows))
                }
            }
        }
    }

    /// The elements of one parameter.
    package func elements(of index: Int) -> UnsafeMutableBufferPointer<Float> {
        let (specification, offset) = specifications[index]
        return UnsafeMutableBufferPointer(start: buffer.pointer + offset, count: specification.count)
    }
}
