(* T7: the tight bound of Adam's step, for every real gradient sequence and every t >= 1.
   R_t^2 = ((1-b1)/(1-b1^t))^2 (1-b2^t)/(1-b2) (1 + q + ... + q^(t-1)) with q = b1^2/b2.
   Hypotheses: 0 <= b1 < 1, 0 < b2 < 1, alpha >= 0, eps >= 0. Sharpness.v shows why. *)

From Coq Require Import Reals Lra Lia.
From Adamcheck Require Import Adam GeometricWeights.
Open Scope R_scope.

Definition rates (b1 b2 : R) : Prop := 0 <= b1 < 1 /\ 0 < b2 < 1.

(** R_t^2 and R_t, as printed in the theory. *)
Definition R_sq (b1 b2 : R) (t : nat) : R :=
  ((1 - b1) / (1 - b1 ^ t)) ^ 2 * ((1 - b2 ^ t) / (1 - b2))
  * sum_below (pow (b1 ^ 2 / b2)) t.

Definition R_of (b1 b2 : R) (t : nat) : R := sqrt (R_sq b1 b2 t).

(** R_infinity^2 and R_infinity. *)
Definition R_inf_sq (b1 b2 : R) : R := (1 - b1) ^ 2 / ((1 - b2) * (1 - b1 ^ 2 / b2)).

Definition R_inf (b1 b2 : R) : R := sqrt (R_inf_sq b1 b2).

(** * The inductive certificate: m_t^2 <= K_t v_t *)

Fixpoint K (b1 b2 : R) (t : nat) : R :=
  match t with
  | O => 0
  | S n => (1 - b1) ^ 2 / (1 - b2) + b1 ^ 2 / b2 * K b1 b2 n
  end.

(** What is left over at one step is a sum of two non-negative terms. *)
Theorem certificate : forall b1 b2 k m v g,
  b2 <> 0 -> 1 - b2 <> 0 -> k <> 0 ->
  let k' := (1 - b1) ^ 2 / (1 - b2) + b1 ^ 2 / b2 * k in
  let m' := b1 * m + (1 - b1) * g in
  let v' := b2 * v + (1 - b2) * g ^ 2 in
  k' * v' - m' ^ 2
  = k' * b2 * (v - m ^ 2 / k)
    + ((1 - b1) * b2 * m - b1 * (1 - b2) * k * g) ^ 2 / (k * (1 - b2) * b2).
Proof. intros. unfold k', m', v'. field. auto. Qed.

Lemma K_step_pos : forall b1 b2 k, rates b1 b2 -> 0 <= k ->
  0 < (1 - b1) ^ 2 / (1 - b2) + b1 ^ 2 / b2 * k.
Proof.
  intros b1 b2 k [H1 H2] Hk.
  assert (0 < (1 - b1) ^ 2 / (1 - b2)) by (apply Rdiv_lt_0_compat; nra).
  assert (0 <= b1 ^ 2 / b2)
    by (apply Rmult_le_pos; [nra | left; apply Rinv_0_lt_compat; lra]).
  nra.
Qed.

Lemma K_nonneg : forall b1 b2 t, rates b1 b2 -> 0 <= K b1 b2 t.
Proof.
  intros b1 b2 t H. induction t as [|n IH]; [simpl; lra|].
  left. exact (K_step_pos b1 b2 _ H IH).
Qed.

Lemma K_pos : forall b1 b2 n, rates b1 b2 -> 0 < K b1 b2 (S n).
Proof. intros b1 b2 n H. exact (K_step_pos b1 b2 _ H (K_nonneg b1 b2 n H)). Qed.

(* The two terms of the certificate, as they are used: both are non-negative, and their sum is the
   slack of the next step. The first needs v >= m^2/k, the bound of the step before. *)
Lemma certificate_terms : forall b1 b2 k m v g,
  rates b1 b2 -> 0 < k -> m ^ 2 <= k * v ->
  let k' := (1 - b1) ^ 2 / (1 - b2) + b1 ^ 2 / b2 * k in
  0 <= k' * b2 * (v - m ^ 2 / k)
  /\ 0 <= ((1 - b1) * b2 * m - b1 * (1 - b2) * k * g) ^ 2 / (k * (1 - b2) * b2).
Proof.
  intros b1 b2 k m v g H Hk Hmv k'. destruct H as [H1 H2] eqn:E. clear E.
  assert (Hk' : 0 < k') by (apply K_step_pos; [split|]; lra).
  split.
  - apply Rmult_le_pos; [nra|].
    assert (m ^ 2 / k <= v); [|lra].
    apply Rmult_le_reg_l with k; [lra|]. replace (k * (m ^ 2 / k)) with (m ^ 2); [lra|].
    field. lra.
  - apply Rmult_le_pos; [apply pow2_ge_0|].
    left. apply Rinv_0_lt_compat. apply Rmult_lt_0_compat; nra.
Qed.

Theorem moment_bound : forall b1 b2 g t, rates b1 b2 ->
  m b1 g t ^ 2 <= K b1 b2 t * v b2 g t.
Proof.
  intros b1 b2 g t H. induction t as [|[|n] IH].
  - simpl. lra.
  - right. destruct H as [H1 H2]. simpl. field. lra.
  - pose proof (K_pos b1 b2 n H) as Hk. assert (Hr := H). destruct H as [H1 H2].
    destruct (certificate_terms b1 b2 _ _ _ (g (S (S n))) Hr Hk IH) as [A B].
    pose proof (certificate b1 b2 (K b1 b2 (S n)) (m b1 g (S n)) (v b2 g (S n)) (g (S (S n)))) as C.
    cbv zeta in A, C.
    specialize (C ltac:(lra) ltac:(lra) ltac:(lra)).
    change (K b1 b2 (S (S n))) with ((1 - b1) ^ 2 / (1 - b2) + b1 ^ 2 / b2 * K b1 b2 (S n)).
    change (m b1 g (S (S n))) with (b1 * m b1 g (S n) + (1 - b1) * g (S (S n))).
    change (v b2 g (S (S n))) with (b2 * v b2 g (S n) + (1 - b2) * g (S (S n)) ^ 2).
    lra.
Qed.

(** * From K_t to R_t *)

Lemma K_closed_form : forall b1 b2 t,
  K b1 b2 t = (1 - b1) ^ 2 / (1 - b2) * sum_below (pow (b1 ^ 2 / b2)) t.
Proof.
  intros b1 b2 t. induction t as [|n IH]; [simpl; ring|].
  rewrite sum_below_shift. cbn [K]. rewrite IH.
  replace (sum_below (fun k => (b1 ^ 2 / b2) ^ S k) n)
    with (b1 ^ 2 / b2 * sum_below (pow (b1 ^ 2 / b2)) n)
    by (rewrite <- sum_below_scale; reflexivity).
  cbn [pow]. ring.
Qed.

Lemma R_sq_from_K : forall b1 b2 t, rates b1 b2 -> (1 <= t)%nat ->
  R_sq b1 b2 t = K b1 b2 t * (1 - b2 ^ t) / (1 - b1 ^ t) ^ 2.
Proof.
  intros b1 b2 t [H1 H2] Ht. unfold R_sq. rewrite K_closed_form.
  pose proof (pow_below_1 b1 t H1 Ht).
  generalize (sum_below (pow (b1 ^ 2 / b2)) t). intros s. field. lra.
Qed.

Lemma R_sq_pos : forall b1 b2 t, rates b1 b2 -> (1 <= t)%nat -> 0 < R_sq b1 b2 t.
Proof.
  intros b1 b2 t H Ht. rewrite R_sq_from_K by assumption.
  destruct t as [|n]; [lia|]. pose proof (K_pos b1 b2 n H). destruct H as [H1 H2].
  pose proof (pow_below_1 b1 (S n) H1 Ht). pose proof (pow_below_1 b2 (S n) ltac:(lra) Ht).
  apply Rdiv_lt_0_compat; [apply Rmult_lt_0_compat; lra | apply pow_lt; lra].
Qed.

Lemma corrected_moment_bound : forall b1 b2 g t, rates b1 b2 -> (1 <= t)%nat ->
  m_hat b1 g t ^ 2 <= R_sq b1 b2 t * v_hat b2 g t.
Proof.
  intros b1 b2 g t H Ht. pose proof (moment_bound b1 b2 g t H) as B.
  rewrite R_sq_from_K by assumption. destruct H as [H1 H2].
  pose proof (pow_below_1 b1 t H1 Ht). pose proof (pow_below_1 b2 t ltac:(lra) Ht).
  unfold m_hat, v_hat.
  replace ((m b1 g t / (1 - b1 ^ t)) ^ 2) with (m b1 g t ^ 2 * / (1 - b1 ^ t) ^ 2)
    by (field; lra).
  replace (K b1 b2 t * (1 - b2 ^ t) / (1 - b1 ^ t) ^ 2 * (v b2 g t / (1 - b2 ^ t)))
    with (K b1 b2 t * v b2 g t * / (1 - b1 ^ t) ^ 2) by (field; lra).
  apply Rmult_le_compat_r; [|lra].
  left. apply Rinv_0_lt_compat. apply pow_lt. lra.
Qed.

(* Any bound of m_hat by sqrt(v_hat) is a bound of the step, whatever eps >= 0. *)
Lemma step_from_moments : forall alpha b1 b2 eps c g t,
  0 <= alpha -> 0 <= eps -> 0 <= c -> 0 <= v_hat b2 g t ->
  m_hat b1 g t ^ 2 <= c * v_hat b2 g t ->
  Rabs (Delta alpha b1 b2 eps g t) <= alpha * sqrt c.
Proof.
  intros alpha b1 b2 eps c g t Ha He Hc Hv H. unfold Delta.
  pose proof (sqrt_pos (v_hat b2 g t)) as Hs. pose proof (sqrt_pos c) as Hr.
  assert (L : Rabs (m_hat b1 g t) <= sqrt c * sqrt (v_hat b2 g t)).
  { rewrite <- sqrt_mult by lra. rewrite <- sqrt_Rsqr_abs.
    apply sqrt_le_1_alt. unfold Rsqr. lra. }
  unfold Rdiv. rewrite !Rabs_mult, (Rabs_pos_eq alpha Ha), Rmult_assoc.
  apply Rmult_le_compat_l; [lra|].
  destruct (Rle_lt_or_eq_dec 0 (sqrt (v_hat b2 g t) + eps) ltac:(lra)) as [P|Z].
  - rewrite Rabs_inv, (Rabs_pos_eq (_ + _)) by lra.
    apply Rmult_le_reg_r with (sqrt (v_hat b2 g t) + eps); [lra|].
    rewrite Rmult_assoc, Rinv_l by lra. nra.
  - replace (sqrt (v_hat b2 g t)) with 0 in L by lra.
    replace (Rabs (m_hat b1 g t)) with 0 by (pose proof (Rabs_pos (m_hat b1 g t)); lra). lra.
Qed.

(** T7, the bound. *)
Theorem step_bound : forall alpha b1 b2 eps g t,
  0 <= b1 < 1 -> 0 < b2 < 1 -> 0 <= alpha -> 0 <= eps -> (1 <= t)%nat ->
  Rabs (Delta alpha b1 b2 eps g t) <= alpha * R_of b1 b2 t.
Proof.
  intros alpha b1 b2 eps g t H1 H2 Ha He Ht. assert (Hr : rates b1 b2) by (split; lra).
  apply step_from_moments; try assumption.
  - left. apply R_sq_pos; assumption.
  - apply v_hat_nonneg; [lra|assumption].
  - apply corrected_moment_bound; assumption.
Qed.

Corollary theta_moves_at_most : forall alpha b1 b2 eps theta0 g t,
  0 <= b1 < 1 -> 0 < b2 < 1 -> 0 <= alpha -> 0 <= eps ->
  Rabs (theta alpha b1 b2 eps theta0 g (S t) - theta alpha b1 b2 eps theta0 g t)
  <= alpha * R_of b1 b2 (S t).
Proof.
  intros. cbn [theta]. unfold Rminus. rewrite Rplus_comm, <- Rplus_assoc, Rplus_opp_l, Rplus_0_l.
  rewrite Rabs_Ropp. apply step_bound; auto with arith.
Qed.

(** * The bound is attained *)

(* g_{t-k} = c (b1/b2)^k for 0 <= k < t: the extremal sequence of step t. *)
Definition extremal (b1 b2 c : R) (t : nat) (g : nat -> R) : Prop :=
  forall k, (k < t)%nat -> g (t - k)%nat = c * (b1 / b2) ^ k.

Lemma m_extremal : forall b1 b2 c g t, b2 <> 0 -> extremal b1 b2 c t g ->
  m b1 g t = (1 - b1) * c * sum_below (pow (b1 ^ 2 / b2)) t.
Proof.
  intros b1 b2 c g t Hb H. rewrite m_closed_form, sum_to_newest_first.
  rewrite Rmult_assoc. f_equal. rewrite <- sum_below_scale. apply sum_below_ext. intros k Hk.
  replace (t - (t - k))%nat with k by lia. rewrite H by assumption.
  replace (b1 ^ 2 / b2) with (b1 * (b1 / b2)) by (field; assumption).
  rewrite Rpow_mult_distr. ring.
Qed.

Lemma v_extremal : forall b1 b2 c g t, b2 <> 0 -> extremal b1 b2 c t g ->
  v b2 g t = (1 - b2) * c ^ 2 * sum_below (pow (b1 ^ 2 / b2)) t.
Proof.
  intros b1 b2 c g t Hb H. rewrite v_closed_form, sum_to_newest_first.
  rewrite Rmult_assoc. f_equal. rewrite <- sum_below_scale. apply sum_below_ext. intros k Hk.
  replace (t - (t - k))%nat with k by lia. rewrite H by assumption.
  replace (b1 ^ 2 / b2) with (b2 * (b1 / b2 * (b1 / b2))) by (field; assumption).
  rewrite !Rpow_mult_distr. ring.
Qed.

Lemma geometric_pos : forall q n, 0 <= q -> 0 < sum_below (pow q) (S n).
Proof.
  intros q n Hq. induction n as [|n IH]; [simpl; lra|].
  change (0 < sum_below (pow q) (S n) + q ^ S n). pose proof (pow_le q (S n) Hq). lra.
Qed.

Lemma q_nonneg : forall b1 b2, rates b1 b2 -> 0 <= b1 ^ 2 / b2.
Proof.
  intros b1 b2 [H1 H2]. apply Rmult_le_pos; [nra | left; apply Rinv_0_lt_compat; lra].
Qed.

(** T7, attained: equality at eps = 0, with the sign of alpha kept. *)
Theorem step_bound_attained : forall alpha b1 b2 c g t,
  0 <= b1 < 1 -> 0 < b2 < 1 -> (1 <= t)%nat -> 0 < c -> extremal b1 b2 c t g ->
  Delta alpha b1 b2 0 g t = alpha * R_of b1 b2 t.
Proof.
  intros alpha b1 b2 c g t H1 H2 Ht Hc H. assert (Hr : rates b1 b2) by (split; lra).
  pose proof (pow_below_1 b1 t H1 Ht). pose proof (pow_below_1 b2 t ltac:(lra) Ht).
  assert (S_pos : 0 < sum_below (pow (b1 ^ 2 / b2)) t)
    by (destruct t; [lia|]; apply geometric_pos, q_nonneg, Hr).
  unfold Delta, R_of, R_sq, m_hat, v_hat.
  rewrite (m_extremal b1 b2 c g t), (v_extremal b1 b2 c g t) by (assumption || lra).
  set (s := sum_below (pow (b1 ^ 2 / b2)) t) in *.
  set (x := (1 - b2 ^ t) / (1 - b2)). set (y := (1 - b1) / (1 - b1 ^ t)).
  assert (Hx : 0 < x) by (apply Rdiv_lt_0_compat; lra).
  assert (Hy : 0 < y) by (apply Rdiv_lt_0_compat; lra).
  replace ((1 - b2) * c ^ 2 * s / (1 - b2 ^ t)) with (c ^ 2 * (s / x))
    by (unfold x; field; lra).
  replace ((1 - b1) * c * s / (1 - b1 ^ t)) with (c * y * s) by (unfold y; field; lra).
  assert (Hsx : 0 < s / x) by (apply Rdiv_lt_0_compat; lra).
  rewrite sqrt_mult, sqrt_pow2 by (lra || apply pow2_ge_0).
  replace (y ^ 2 * x * s) with ((y * x) ^ 2 * (s / x)) by (field; lra).
  rewrite sqrt_mult, sqrt_pow2 by (lra || apply pow2_ge_0 || (apply Rmult_le_pos; lra)).
  assert (Hq : 0 < sqrt (s / x)) by (apply sqrt_lt_R0; assumption).
  replace s with (x * (sqrt (s / x) * sqrt (s / x))) at 1
    by (rewrite sqrt_sqrt by lra; field; lra).
  field. lra.
Qed.

(** A sequence that attains the bound exists for every t. *)
Corollary step_bound_tight : forall alpha b1 b2 t,
  0 <= b1 < 1 -> 0 < b2 < 1 -> (1 <= t)%nat ->
  exists g, Delta alpha b1 b2 0 g t = alpha * R_of b1 b2 t.
Proof.
  intros alpha b1 b2 t H1 H2 Ht. exists (fun i => 1 * (b1 / b2) ^ (t - i)).
  apply step_bound_attained with (c := 1); try assumption; [lra|].
  intros k Hk. f_equal. f_equal. lia.
Qed.

(** * The uniform limit *)

Lemma geometric_closed : forall q t, q <> 1 -> sum_below (pow q) t = (1 - q ^ t) / (1 - q).
Proof.
  intros q t Hq. rewrite <- geometric_sum. field. lra.
Qed.

Lemma q_below_1 : forall b1 b2, rates b1 b2 -> b1 ^ 2 < b2 -> 0 <= b1 ^ 2 / b2 < 1.
Proof.
  intros b1 b2 H Hlt. split; [apply q_nonneg, H|]. destruct H as [H1 H2].
  apply Rmult_lt_reg_r with b2; [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

Lemma R_sq_closed : forall b1 b2 t, rates b1 b2 -> b1 ^ 2 < b2 -> (1 <= t)%nat ->
  R_sq b1 b2 t
  = R_inf_sq b1 b2 * ((1 - b2 ^ t) * (1 - (b1 ^ 2 / b2) ^ t) / (1 - b1 ^ t) ^ 2).
Proof.
  intros b1 b2 t H Hlt Ht. pose proof (q_below_1 b1 b2 H Hlt) as Hq. destruct H as [H1 H2].
  pose proof (pow_below_1 b1 t H1 Ht).
  unfold R_sq, R_inf_sq. rewrite geometric_closed by lra.
  set (q := b1 ^ 2 / b2) in *. field. lra.
Qed.

Lemma R_inf_sq_pos : forall b1 b2, rates b1 b2 -> b1 ^ 2 < b2 -> 0 < R_inf_sq b1 b2.
Proof.
  intros b1 b2 H Hlt. pose proof (q_below_1 b1 b2 H Hlt). destruct H as [H1 H2].
  unfold R_inf_sq. apply Rdiv_lt_0_compat; [apply pow_lt; lra|]. apply Rmult_lt_0_compat; lra.
Qed.

(** (1-z)^2 - (1-x)(1-z^2/x) = (x-z)^2/x, here with x = b2^t and z = b1^t. *)
Theorem uniform_certificate : forall x z, x <> 0 ->
  (1 - z) ^ 2 - (1 - x) * (1 - z ^ 2 / x) = (x - z) ^ 2 / x.
Proof. intros x z Hx. field. assumption. Qed.

Lemma R_sq_le_inf : forall b1 b2 t, rates b1 b2 -> b1 ^ 2 < b2 -> (1 <= t)%nat ->
  R_sq b1 b2 t <= R_inf_sq b1 b2.
Proof.
  intros b1 b2 t H Hlt Ht. rewrite R_sq_closed by assumption.
  pose proof (R_inf_sq_pos b1 b2 H Hlt) as HR. destruct H as [H1 H2].
  pose proof (pow_below_1 b1 t H1 Ht) as Hz. assert (Hx : 0 < b2 ^ t) by (apply pow_lt; lra).
  replace ((b1 ^ 2 / b2) ^ t) with ((b1 ^ t) ^ 2 / b2 ^ t)
    by (unfold Rdiv; rewrite Rpow_mult_distr, pow_inv, <- !pow_mult, Nat.mul_comm; reflexivity).
  pose proof (uniform_certificate (b2 ^ t) (b1 ^ t) ltac:(lra)) as C.
  set (x := b2 ^ t) in *. set (z := b1 ^ t) in *.
  assert (0 <= (x - z) ^ 2 / x)
    by (apply Rmult_le_pos; [apply pow2_ge_0 | left; apply Rinv_0_lt_compat; lra]).
  rewrite <- (Rmult_1_r (R_inf_sq b1 b2)) at 2. apply Rmult_le_compat_l; [lra|].
  assert (Hd : 0 < (1 - z) ^ 2) by (apply pow_lt; lra).
  apply Rmult_le_reg_r with ((1 - z) ^ 2); [assumption|].
  unfold Rdiv at 1. rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

Theorem R_le_inf : forall b1 b2 t,
  0 <= b1 < 1 -> 0 < b2 < 1 -> b1 ^ 2 < b2 -> (1 <= t)%nat -> R_of b1 b2 t <= R_inf b1 b2.
Proof.
  intros. apply sqrt_le_1_alt, R_sq_le_inf; try assumption. split; lra.
Qed.

(** T7, uniform in t. *)
Theorem step_bound_uniform : forall alpha b1 b2 eps g t,
  0 <= b1 < 1 -> 0 < b2 < 1 -> b1 ^ 2 < b2 -> 0 <= alpha -> 0 <= eps -> (1 <= t)%nat ->
  Rabs (Delta alpha b1 b2 eps g t) <= alpha * R_inf b1 b2.
Proof.
  intros. apply Rle_trans with (alpha * R_of b1 b2 t); [apply step_bound; assumption|].
  apply Rmult_le_compat_l; [assumption|]. apply R_le_inf; assumption.
Qed.

(** The usual hyperparameters, exactly. *)
Theorem R_inf_sq_default : R_inf_sq (9 / 10) (999 / 1000) = 370 / 7.
Proof. unfold R_inf_sq. field. Qed.

Print Assumptions certificate.
Print Assumptions moment_bound.
Print Assumptions step_bound.
Print Assumptions theta_moves_at_most.
Print Assumptions step_bound_attained.
Print Assumptions step_bound_tight.
Print Assumptions R_le_inf.
Print Assumptions step_bound_uniform.
Print Assumptions R_inf_sq_default.
