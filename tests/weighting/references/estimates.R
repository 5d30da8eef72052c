# Jackknife errors, intervals, quantiles and tests made independently, with R's survey package.
# Usage: Rscript estimates.R DEMO_DIR UNITS_DIR OUT_DIR
#   UNITS_DIR has units_demo.csv and answers_demo.csv (make_references.R, make_variances.R).
suppressPackageStartupMessages(library(survey))
options(stringsAsFactors = FALSE)
arguments <- commandArgs(trailingOnly = TRUE)
demo <- arguments[1]; inputs <- arguments[2]; out <- arguments[3]

criteria <- c("sexe", "age", "emploi", "statut_occupation", "composition_familiale")
margins <- read.csv(file.path(demo, "margins_demo.csv"), colClasses = "character")
sectors <- read.csv(file.path(demo, "sectors_demo.csv"))
collapses <- read.csv(file.path(demo, "collapses_demo.csv"), colClasses = "character")
adults <- setNames(sectors$pop_18plus_demo, sectors$sector)
units <- read.csv(file.path(inputs, "units_demo.csv"), colClasses = c(rep("character", 7), "numeric"))
answers <- read.csv(file.path(inputs, "answers_demo.csv"),
                    colClasses = c(rep("character", 3), "numeric", "numeric"))
units <- cbind(units, answers[match(units$id, answers$id), -1])
units$asked <- units$filtered != ""
units$filtered <- factor(ifelse(units$asked, units$filtered, "1"))  # unread where not asked
units$answer <- factor(units$answer)

totals_of <- function(sector) {
  totals <- c(`(Intercept)` = adults[[sector]])
  for (criterion in criteria) {
    here <- margins[margins$sector == sector & margins$criterion == criterion, ]
    hit <- collapses$sector == sector & collapses$criterion == criterion
    into <- setNames(collapses$into_code[hit], collapses$category_code[hit])
    merged <- here$category_code %in% names(into)
    here$category_code[merged] <- into[here$category_code[merged]]
    total <- tapply(as.numeric(here$pct) * adults[[sector]] / 100, here$category_code, sum)
    totals[paste0(criterion, names(total))[-1]] <- total[-1]
  }
  totals
}
rake <- function(design, sector)
  calibrate(design, reformulate(criteria), totals_of(sector), calfun = "raking", maxit = 500,
            epsilon = 1e-12, compress = FALSE)
rows_of <- function(sector) {
  mine <- units[units$secteur == sector, ]
  for (criterion in criteria) mine[[criterion]] <- factor(mine[[criterion]])
  mine
}
samples <- lapply(setNames(nm = sectors$sector), rows_of)
plain <- lapply(samples, function(mine) svydesign(~1, weights = ~d0, data = mine))
designs <- Map(rake, plain, names(plain))
# Every replicate leaves one respondent out and is raked again: survey's own recipe.
replicated <- lapply(c(FALSE, TRUE), function(mse)
  Map(rake, lapply(plain, as.svrepdesign, type = "JK1", mse = mse, compress = FALSE), names(plain)))
names(replicated) <- c("mean", "full")

rows <- data.frame()
keep <- function(what, domain, category, estimate, se = NA, low = NA, high = NA)
  rows <<- rbind(rows, data.frame(what, domain, category, estimate = as.vector(estimate),
    se = as.vector(se), low = as.vector(low), high = as.vector(high)))
keep_shares <- function(what, sector, name, design) {
  statistic <- svymean(reformulate(name), design)
  keep(what, sector, sub(name, "", names(coef(statistic))), coef(statistic), SE(statistic))
}

# Jackknife, centred at the replicates' mean (R's default) and at the full estimate (mse = TRUE).
for (centre in names(replicated)) for (sector in names(designs)) {
  design <- replicated[[centre]][[sector]]
  what <- paste("jackknife", centre)
  keep_shares(what, sector, "answer", design)
  keep_shares(paste(what, "filtered"), sector, "filtered", subset(design, asked))
  total <- svytotal(~spent, design)
  keep(paste(what, "total"), sector, "", coef(total), SE(total))
  ratio <- svyratio(~spent, ~earned, design)
  keep(paste(what, "ratio"), sector, "", coef(ratio), SE(ratio))
}
# Over all sectors, by hand: only the sector of the one left out has other weights.
base <- unlist(lapply(designs, weights)); everyone <- do.call(rbind, unname(samples))
share <- function(w, code) sum(w * (everyone$answer == code)) / sum(w)
for (code in levels(units$answer)) {
  within <- sapply(names(designs), function(sector) {
    mine <- everyone$secteur == sector
    w <- weights(replicated$full[[sector]], "analysis")
    thetas <- apply(w, 2, function(column) share(replace(base, mine, column), code))
    (sum(mine) - 1) / sum(mine) * sum((thetas - share(base, code))^2)
  })
  keep("jackknife full", "all", code, share(base, code), sqrt(sum(within)))
}

# Intervals of svyciprop; a filtered base is a subset of the calibrated design.
for (method in c("logit", "beta")) for (sector in names(designs)) {
  for (code in levels(units$answer)) {
    p <- eval(bquote(svyciprop(~I(answer == .(code)), designs[[sector]], method = .(method))))
    keep(method, sector, code, p, SE(p), confint(p)[1], confint(p)[2])
  }
  asked <- subset(designs[[sector]], asked)
  p <- svyciprop(~I(filtered == "2"), asked, method = method)
  keep(paste(method, "filtered"), sector, "2", p, SE(p), confint(p)[1], confint(p)[2])
}

# Quantiles with Woodruff's interval.
for (sector in names(designs)) {
  q <- svyquantile(~spent, designs[[sector]], c(0.25, 0.5, 0.75), ci = TRUE)$spent
  keep("quantile", sector, rownames(q), q[, 1], q[, 4], q[, 2], q[, 3])
}

# One design of all sectors: a column of its own for every constraint of every sector.
blocks <- Map(function(mine, sector) {
  x <- model.matrix(reformulate(criteria), mine)
  colnames(x) <- paste(sector, colnames(x), sep = "_"); x
}, samples, names(samples))
x <- as.matrix(Matrix::bdiag(blocks))
colnames(x) <- paste0("x", seq_len(ncol(x)))
whole <- svydesign(~1, strata = ~secteur, weights = ~d0, data = cbind(everyone, x))
totals <- setNames(unlist(lapply(names(blocks), totals_of)), colnames(x))
whole <- calibrate(whole, reformulate(c("0", colnames(x))), totals, calfun = "raking", maxit = 500,
                   epsilon = 1e-12)
for (method in c("logit", "beta")) for (code in levels(units$answer)) {
  p <- eval(bquote(svyciprop(~I(answer == .(code)), whole, method = .(method))))
  keep(method, "all", code, p, SE(p), confint(p)[1], confint(p)[2])
}
q <- svyquantile(~spent, whole, c(0.25, 0.5, 0.75), ci = TRUE)$spent
keep("quantile", "all", rownames(q), q[, 1], q[, 4], q[, 2], q[, 3])
keep("mean", "all", "", coef(svymean(~spent, whole)), SE(svymean(~spent, whole)),
     confint(svymean(~spent, whole), df = degf(whole))[1],
     confint(svymean(~spent, whole), df = degf(whole))[2])
whole <- update(whole, secteur = factor(secteur), age = factor(age))
for (pair in c("answer+secteur", "answer+age")) {
  formula <- as.formula(paste("~", pair))
  second <- svychisq(formula, whole, statistic = "F")
  first <- svychisq(formula, whole, statistic = "Chisq")
  keep("rao-scott", pair, c("F", "ndf", "ddf", "p"),
       c(second$statistic, second$parameter, second$p.value))
  keep("rao-scott", pair, c("X2", "p first order"), c(first$statistic, first$p.value))
}
for (figure in c("estimate", "se", "low", "high"))
  rows[[figure]] <- ifelse(is.na(rows[[figure]]), "", sprintf("%.13g", rows[[figure]]))
write.csv(rows, file.path(out, "estimates.csv"), row.names = FALSE, quote = FALSE)
