/* The layers of a Probabilistic Forward Pass as they are usually written down: loops over the
 * output, sums of the means and variances of the products, Clark's maximum with the functions of
 * libm. Images are NCHW, weights OIHW; an exact input has no variance (NULL).
 *
 * `real` is float for the comparison and double for the reference. */

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef REAL real;

#define SQRT(x) (sizeof(real) == 4 ? sqrtf(x) : sqrt(x))
#define EXP(x) (sizeof(real) == 4 ? expf(x) : exp(x))
#define ERF(x) (sizeof(real) == 4 ? erff(x) : erf(x))

/* The least variance of a difference, so that equal exact numbers have a maximum. */
#define TINY ((real)1e-12)

/* Inlined, so that the compiler knows every size. */
#define LAYER static inline __attribute__((always_inline)) void

struct parameter {
    const float *mean, *variance;
};

/* Element i of the moments of X x W, added to a sum. */
#define MULTIPLY_ADD(x_mean, x_variance, i, w, j)                                                  \
    do {                                                                                           \
        real x_ = (x_mean)[i], w_ = (w).mean[j], s_ = (w).variance[j];                             \
        mean += x_ * w_;                                                                           \
        variance += x_ * x_ * s_;                                                                  \
        if (x_variance)                                                                            \
            variance += (x_variance)[i] * (s_ + w_ * w_);                                          \
    } while (0)

LAYER dense(size_t batch, size_t inputs, size_t outputs, struct parameter weight,
            struct parameter bias, const real *restrict x_mean, const real *restrict x_variance,
            real *restrict y_mean, real *restrict y_variance)
{
    for (size_t n = 0; n < batch; ++n)
        for (size_t o = 0; o < outputs; ++o) {
            real mean = bias.mean[o], variance = bias.variance[o];
            for (size_t i = 0; i < inputs; ++i)
                MULTIPLY_ADD(x_mean, x_variance, n * inputs + i, weight, o * inputs + i);
            y_mean[n * outputs + o] = mean;
            y_variance[n * outputs + o] = variance;
        }
}

/* Stride 1; `before` rows above and columns left of the image are padding, and as many as the
 * size of the output needs on the other sides. */
LAYER conv2d(size_t batch, size_t channels, size_t height, size_t width, size_t outputs,
             size_t kernel_height, size_t kernel_width, size_t y_height, size_t y_width,
             size_t before_rows, size_t before_columns, struct parameter weight,
             struct parameter bias, const real *restrict x_mean, const real *restrict x_variance,
             real *restrict y_mean, real *restrict y_variance)
{
    for (size_t n = 0; n < batch; ++n)
        for (size_t o = 0; o < outputs; ++o)
            for (size_t row = 0; row < y_height; ++row)
                for (size_t column = 0; column < y_width; ++column) {
                    real mean = bias.mean[o], variance = bias.variance[o];
                    for (size_t c = 0; c < channels; ++c)
                        for (size_t i = 0; i < kernel_height; ++i)
                            for (size_t j = 0; j < kernel_width; ++j) {
                                size_t y = row + i - before_rows, x = column + j - before_columns;
                                if (y < height && x < width)
                                    MULTIPLY_ADD(x_mean, x_variance,
                                                 ((n * channels + c) * height + y) * width + x,
                                                 weight,
                                                 ((o * channels + c) * kernel_height + i) *
                                                         kernel_width + j);
                            }
                    size_t at = ((n * outputs + o) * y_height + row) * y_width + column;
                    y_mean[at] = mean;
                    y_variance[at] = variance;
                }
}

/* max(A, B), Clark (1961). */
static inline void maximum(real a_mean, real a_variance, real b_mean, real b_variance,
                           real *mean, real *variance)
{
    const real half_root = (real)0.70710678118654752440, inverse_root = (real)0.39894228040143267794;
    real sum = a_variance + b_variance;
    real theta = SQRT(sum > TINY ? sum : TINY);
    real alpha = (a_mean - b_mean) / theta;
    real above = (real)0.5 * (1 + ERF(alpha * half_root));
    real density = inverse_root * EXP((real)-0.5 * alpha * alpha);
    real first = a_mean * above + b_mean * (1 - above) + theta * density;
    real second = (a_mean * a_mean + a_variance) * above +
                  (b_mean * b_mean + b_variance) * (1 - above) +
                  (a_mean + b_mean) * theta * density;
    real difference = second - first * first;
    *mean = first;
    *variance = difference > 0 ? difference : 0;
}

LAYER relu(size_t elements, const real *restrict x_mean, const real *restrict x_variance,
           real *restrict y_mean, real *restrict y_variance)
{
    for (size_t i = 0; i < elements; ++i)
        maximum(x_mean[i], x_variance[i], 0, 0, &y_mean[i], &y_variance[i]);
}

/* Without padding; along the rows of a window, then down. */
LAYER max_pool2d(size_t images, size_t height, size_t width, size_t kernel_height,
                 size_t kernel_width, size_t y_height, size_t y_width, size_t row_stride,
                 size_t column_stride, const real *restrict x_mean,
                 const real *restrict x_variance, real *restrict y_mean, real *restrict y_variance)
{
    for (size_t n = 0; n < images; ++n)
        for (size_t row = 0; row < y_height; ++row)
            for (size_t column = 0; column < y_width; ++column) {
                real mean = 0, variance = 0;
                for (size_t i = 0; i < kernel_height; ++i) {
                    size_t at = (n * height + row * row_stride + i) * width + column * column_stride;
                    real row_mean = x_mean[at], row_variance = x_variance[at];
                    for (size_t j = 1; j < kernel_width; ++j)
                        maximum(row_mean, row_variance, x_mean[at + j], x_variance[at + j],
                                &row_mean, &row_variance);
                    if (i == 0)
                        mean = row_mean, variance = row_variance;
                    else
                        maximum(mean, variance, row_mean, row_variance, &mean, &variance);
                }
                size_t at = (n * y_height + row) * y_width + column;
                y_mean[at] = mean;
                y_variance[at] = variance;
            }
}
